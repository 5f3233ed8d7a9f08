"""From command-line words, YAML files and dictionaries to typed configurations, by jsonargparse."""

import dataclasses
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_args, get_origin, get_type_hints

from docstring_parser import parse as parse_docstring
from jsonargparse import SUPPRESS, ActionConfigFile, ArgumentParser, Namespace  # pyright: ignore[reportPrivateImportUsage]

from geometric_hyena.errors import InputError, shown
from geometric_hyena.training.yaml_files import check_yaml

Config = TypeVar("Config")

# Shown by --help-all only, so that --help fits a screen.
_ADVANCED = ("network", "optimizer")
_LONGEST = 400  # characters of what the parser says; it repeats what stands in a file


class ConfigParser(ArgumentParser):
    """A parser for one configuration class, with a help of one line an option.

    Args:
        config_class: a frozen dataclass, its fields documented under "Attributes:".
        prog: the command before the options.
        recipe: name of the recipe; a configuration file of another one is refused.
    """

    def __init__(self, config_class: type, prog: str, recipe: str | None = None):
        super().__init__(prog=prog, exit_on_error=False, allow_abbrev=False)
        self.config_class = config_class
        self.recipe = recipe
        self.add_argument("--config", action=ActionConfigFile)
        self.add_argument("--recipe", help=SUPPRESS)  # stands in a run's config.yaml
        self.add_class_arguments(config_class)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        text = " ".join(line.strip() for line in str(message).splitlines() if line.strip())
        text = re.sub(r'Parser key "([\w.]+)":', r"\1:", text)
        text = re.sub(r"<class '(\w+)'>", r"\1", text)
        raise InputError(f"{shown(text, _LONGEST)}; see {self.prog} --help") from ex

    def read(self, words: Sequence[str]) -> Any:
        """The configuration that command-line words ask for.

        Raises:
            InputError: naming the option that is unknown or has a value of the wrong type.
        """
        try:
            words = [underscored(word) for word in words]
            for path in config_files(words):
                self._check_file(path)
            words = full_names(words, getattr(self.config_class, "aliases", ()))
            parsed = self.parse_args(join_lists(words, list_options(self.config_class)))
        except UnicodeDecodeError:
            self.error("config: is no YAML file")
        self._check_recipe(parsed)
        return self._instance(parsed)

    def _check_file(self, path: Path) -> None:
        """Read a configuration file by itself, so that what is wrong in it is said of it."""
        check_yaml(path)
        try:
            parsed = self.parse_args(["--config", str(path)])
            self._check_recipe(parsed)
            self._instance(parsed)
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: is no YAML file ({error.reason}); save it as UTF-8") from error
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def _check_recipe(self, parsed: Namespace) -> None:
        if self.recipe and parsed.recipe not in (None, self.recipe):
            self.error(f"recipe: expected a configuration of {self.recipe}, got one of {parsed.recipe}")

    def read_values(self, values: Mapping[str, Any]) -> Any:
        """The configuration of a nested dictionary."""
        return self._instance(self.parse_object(dict(values)))

    def _instance(self, parsed: Any) -> Any:
        for name, kind in get_type_hints(self.config_class).items():
            if dataclasses.is_dataclass(kind) and not isinstance(parsed[name], Namespace):
                self.error(f"{name}: expected options by name, got {parsed[name]}")
        chosen = self.instantiate(parsed).as_dict()
        made = self.config_class(**{f.name: chosen[f.name] for f in dataclasses.fields(self.config_class)})
        for name in empty_fields(made):
            self.error(f"{name}: expected a value, got none")
        return made

    def help_text(self, everything: bool) -> str:
        """Help of one line an option; sections that few need only where `everything` is asked for."""
        lines = [f"usage: {self.prog} [--config FILE.yaml] [--OPTION VALUE ...]", ""]
        lines += [parse_docstring(self.config_class.__doc__ or "").short_description or "", ""]
        rows = [("--config FILE", "YAML file with any of these; options given after it win")]
        rows += option_rows(self.config_class())
        width = max(len(name) for name, _ in rows)
        hidden = [row for row in rows if row[0].removeprefix("--").split(".")[0] in _ADVANCED]
        lines += [f"  {n:{width}}  {text}" for n, text in rows if everything or (n, text) not in hidden]
        if hidden and not everything:
            lines += ["", f"{len(hidden)} more (--{'.*, --'.join(_ADVANCED)}.*): {self.prog} --help-all"]
        return "\n".join(lines)


def config_from_values(config_class: type[Config], values: Mapping[str, Any], source: Path) -> Config:
    """A configuration from a file's values; errors name the file."""
    try:
        return ConfigParser(config_class, "ghyena").read_values(values)
    except InputError as error:
        text = str(error).removesuffix("; see ghyena --help")
        raise InputError(f"{source}: {text}") from error


def option_rows(defaults: Any, prefix: str = "") -> list[tuple[str, str]]:
    """(option, meaning and default) of every field of a configuration, nested ones with dotted names."""
    rows = []
    documented = _documented(type(defaults))
    short = {f"data.{name}": name for name in getattr(defaults, "aliases", ())}
    for field in dataclasses.fields(defaults):
        value, name = getattr(defaults, field.name), f"{prefix}{field.name}"
        if dataclasses.is_dataclass(value):
            rows += [
                (f"--{short.get(option.removeprefix('--'), option.removeprefix('--'))}", text)
                for option, text in option_rows(value, f"{name}.")
            ]
            continue
        empty = value is None or value == []
        shown = "" if empty else f" [{str(value).lower() if isinstance(value, bool) else value}]"
        rows.append((f"--{name}", documented.get(field.name, "").rstrip(".") + shown))
    # plain options first, those of sections after them
    return sorted(rows, key=lambda row: row[0].count("."))


def full_names(words: Sequence[str], aliases: Sequence[str]) -> list[str]:
    """Options of the data section that may be given without its name, with it: --length, --data.length."""
    full = []
    for word in words:
        name = word.removeprefix("--").partition("=")[0]
        is_alias = word.startswith("--") and name in aliases
        full.append(f"--data.{word.removeprefix('--')}" if is_alias else word)
    return full


def list_options(config_class: type, prefix: str = "") -> dict[str, bool]:
    """Dotted names of the fields that hold lists, and whether commas may stand between their words."""
    names = {}
    for field in dataclasses.fields(config_class):
        kind = get_type_hints(config_class)[field.name]
        if dataclasses.is_dataclass(kind):
            names |= list_options(kind, f"{prefix}{field.name}.")  # pyright: ignore[reportArgumentType]
        elif get_origin(kind) is list:
            names[f"{prefix}{field.name}"] = bool(field.metadata.get("commas"))
    return names


def join_lists(words: Sequence[str], names: Mapping[str, bool]) -> list[str]:
    """Let list options take plain words: `--data.trajectory a b` becomes `--data.trajectory=["a", "b"]`.

    Args:
        words: of the command line.
        names: `list_options`: where commas may stand between words, `a,b` is as `a b`.
    """
    joined: list[str] = []
    position = 0
    while position < len(words):
        option, equals, first = words[position].partition("=")
        position += 1
        name = option.removeprefix("--")
        if name not in names or not option.startswith("--"):
            joined.append(words[position - 1])
            continue
        values = [first] if equals else []
        while position < len(words) and not words[position].startswith("--"):
            values.append(words[position])
            position += 1
        given_as_json = len(values) == 1 and values[0].startswith("[")
        if names[name] and not given_as_json:
            values = [part for value in values for part in value.split(",") if part]
        joined.append(f"{option}={values[0] if given_as_json else json.dumps(values)}")
    return joined


def underscored(word: str) -> str:
    """An option as the configuration spells it: `--match-parameters` becomes `--match_parameters`."""
    if not word.startswith("--"):
        return word
    name, equals, value = word[2:].partition("=")
    return f"--{name.replace('-', '_')}{equals}{value}"


def config_files(words: Sequence[str]) -> list[Path]:
    """The files that `--config` names; what is there is a file, else it is for the parser to refuse."""
    found = []
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        path = value if equals else "".join(words[place + 1 : place + 2])
        if name == "--config" and os.path.isfile(path):
            found.append(Path(path))
    return found


def empty_fields(config: Any, prefix: str = "") -> list[str]:
    """Dotted names of the fields that are None and may not be, as `epochs:` in a file makes them."""
    names = []
    for name, kind in get_type_hints(type(config)).items():
        value = getattr(config, name)
        if dataclasses.is_dataclass(kind):
            names += empty_fields(value, f"{prefix}{name}.")
        elif value is None and type(None) not in get_args(kind):
            names.append(f"{prefix}{name}")
    return names


def _documented(config_class: type) -> dict[str, str]:
    """Meaning of every field, inherited ones too."""
    texts: dict[str, str] = {}
    for ancestor in reversed(config_class.__mro__):
        for entry in parse_docstring(ancestor.__doc__ or "").params:
            texts[entry.arg_name] = " ".join((entry.description or "").split())
    return texts
