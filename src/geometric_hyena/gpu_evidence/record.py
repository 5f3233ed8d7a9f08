"""The result of a part: NAME.json with what it found, where, and how far it got; and the page of all."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from geometric_hyena.errors import InputError
from geometric_hyena.files import make_folder, replace_text, write_json
from geometric_hyena.gpu_evidence.device import gpu_environment

Content = dict[str, Any]

_HEAD = ("part", "title", "state", "note", "command", "environment")
DONE, UNFINISHED, SKIPPED, FAILED = "done", "unfinished", "skipped", "failed"


class Outcome(NamedTuple):
    """How far a part got ("done", "unfinished", "skipped", "failed"), why, and what it found."""

    state: str
    note: str
    content: Content


def read_part(folder: Path, name: str) -> Content:
    """What earlier calls wrote of a part; empty where there is nothing.

    Raises:
        InputError: where the file is no such record.
    """
    path = folder / f"{name}.json"
    try:
        record = json.loads(path.read_text())
        if record["part"] != name:
            raise KeyError
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{path}: is no record of this part; move it away, or give another --out") from None
    return record


def found_before(folder: Path, name: str) -> Content:
    """What earlier calls found, without how far they got and where."""
    return {key: value for key, value in read_part(folder, name).items() if key not in _HEAD}


def write_part(folder: Path, name: str, title: str, command: str, outcome: Outcome) -> None:
    """Write what is known of a part. A part that is skipped leaves what earlier calls found."""
    if outcome.state == SKIPPED and read_part(folder, name).get("state", SKIPPED) != SKIPPED:
        return
    make_folder(folder)
    record = {
        "part": name,
        "title": title,
        "state": outcome.state,
        "note": outcome.note,
        "command": command,
        "environment": gpu_environment(),
        **outcome.content,
    }
    write_json(folder / f"{name}.json", record)


def check_device(earlier: Content, folder: Path, name: str) -> None:
    """Refuse to mix what two kinds of GPU measured.

    Raises:
        InputError: where an earlier call ran on another.
    """
    before = earlier.get("environment", {}).get("gpu")
    here = gpu_environment()["gpu"]
    if earlier.get("state", SKIPPED) != SKIPPED and before != here:
        raise InputError(
            f"{folder / name}.json: was measured on {before or 'a CPU'}, and this is {here or 'a CPU'}; "
            f"give another --out"
        )


def write_index(folder: Path, names: tuple[str, ...]) -> None:
    """README.md: what each part found, from the records that there are."""
    lines = ["# On a GPU", "", "`make gpu-evidence`; every JSON carries command, device and versions.", ""]
    lines += ["| part | state | device | torch | note |", "|---|---|---|---|---|"]
    for name in names:
        record = read_part(folder, name)
        if record:
            where = record["environment"]
            cells = [f"[{record['title']}]({name}.json)", record["state"], where["gpu"] or "CPU"]
            cells += [where["torch"], record["note"].replace("|", "/")]
            lines.append("| " + " | ".join(cells) + " |")
    replace_text(folder / "README.md", "\n".join(lines) + "\n")
