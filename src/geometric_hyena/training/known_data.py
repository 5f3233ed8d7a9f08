"""What a run knows of its data: that they are still the same, and what else it may be judged on."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from geometric_hyena.errors import InputError
from geometric_hyena.training.run_directory import RunDirectory


def checksums(identity: Any, named: bool = False) -> list[str]:
    """Every sha256 in what identifies data, in order; `named`: what is given stands under that name."""
    if isinstance(identity, str):
        return [identity] if named else []
    if isinstance(identity, Mapping):
        return sorted(
            x for key, value in identity.items() for x in checksums(value, named or key == "sha256")
        )
    if isinstance(identity, (list, tuple)):
        return sorted(x for value in identity for x in checksums(value, named))
    return []


def check_unchanged(run: RunDirectory, identity: Mapping[str, Any]) -> None:
    """Refuse to go on training with other data than those with which the run began.

    Raises:
        InputError: where a checksum has changed.
    """
    before = run.read_environment().get("data_sha256")
    if before is not None and before != checksums(identity):
        raise InputError(
            f"{run.path}: its data are not those with which it began; restore them, or train another run "
            f"with --out"
        )


def changed_options(trained: Any, asked: Any, among: Sequence[str] | None = None) -> list[str]:
    """Options of the data that differ from those of the training, with both values; `among` some, or all."""
    before, after = dataclasses.asdict(trained), dataclasses.asdict(asked)
    return [
        f"data.{name} {after[name]} instead of {before[name]}"
        for name in (before if among is None else among)
        if before[name] != after[name]
    ]


def check_other_split(trained: Any, asked: Any) -> None:
    """Refuse another split of the files that were trained on: its test holds what the model has seen.

    Args:
        trained: options of the data in training.
        asked: those in the evaluation.

    Raises:
        InputError: naming the options.
    """
    sources = (getattr(asked, "source", None), "topology", "trajectory", "test_trajectory")
    if any(getattr(trained, name, None) != getattr(asked, name, None) for name in sources if name):
        return
    changed = changed_options(trained, asked, getattr(asked, "split_options", ()))
    if changed:
        raise InputError(
            f"{', '.join(changed)}: in another split of the same file the model would be tested on what it "
            f"was trained on; train with that split, or give other data"
        )


def check_same_data(run: RunDirectory, identity: Mapping[str, Any]) -> None:
    """Refuse targets that the run was not trained on, and a file that changed where it is split at random.

    Args:
        run: the run.
        identity: of the data to be judged on.

    Raises:
        InputError: saying what differs.
    """
    try:
        known = json.loads(run.summary.read_text())["data"]
    except (OSError, ValueError, KeyError, TypeError):  # a run without one can be judged all the same
        return
    before, after = known.get("targets"), identity.get("targets")
    if before is not None and after is not None and list(before) != list(after):
        raise InputError(
            f"data.targets: the model in {run.path} predicts {', '.join(before)}, in this order, "
            f"not {', '.join(after)}"
        )
    file, again = known.get("file"), identity.get("file")
    if not file or not again or file["name"] != again["name"] or file["sha256"] == again["sha256"]:
        return
    if identity.get("split", {}).get("kind") != "own":
        raise InputError(
            f"{again['name']}: has changed since the training, and with it its random split: the model would "
            f"be tested on what it was trained on; give new molecules in a file of another name"
        )
