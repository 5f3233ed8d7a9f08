"""YAML files looked over before they are read: no size, depth or reference to fill the memory with."""

from pathlib import Path

import yaml

from geometric_hyena.errors import InputError, shown

_LARGEST = 1 << 20  # bytes
_DEEPEST = 20  # sections inside sections


def check_yaml(path: Path) -> None:
    """Check what a parser would follow without end; whether the file is YAML at all is the parser's to say.

    Raises:
        InputError: for a file of more than a megabyte, of deep nesting, and with references (`*name`), a few
            of which inside one another stand for more than any memory holds.
    """
    try:
        size = path.stat().st_size
        if size > _LARGEST:
            raise InputError(f"{path}: has {size} bytes, which no configuration has; check the path")
        depth = 0
        for event in yaml.parse(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader):
            row = event.start_mark.line + 1
            if isinstance(event, yaml.AliasEvent):
                raise InputError(f"{path}: row {row} refers to '{shown(event.anchor)}'; write out what it is")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise InputError(f"{path}: row {row} is nested too deeply for a configuration; mend it")
    except (yaml.YAMLError, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
