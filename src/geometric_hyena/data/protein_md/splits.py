"""Which frames train, validate and test: contiguous in time, no sample reaching into another split."""

from dataclasses import dataclass

from geometric_hyena.data.protein_md.config import ProteinMDConfig, used_fractions
from geometric_hyena.errors import InputError


@dataclass(frozen=True)
class FrameSplit:
    """Frames of trajectory number `trajectory`, in stretches (first, last), both ends included."""

    trajectory: int
    stretches: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.stretches)

    @property
    def longest(self) -> int:
        """Frames of the longest stretch."""
        return max(last - first + 1 for first, last in self.stretches)

    def starts(self, lag: int, velocities: bool, stride: int) -> list[int]:
        """Frames t for which t, t + lag and, with velocities, t - 1 all lie in one stretch."""
        return [
            frame
            for first, last in self.stretches
            for frame in range(first + int(velocities), last - lag + 1, stride)
        ]


def split_frames(
    config: ProteinMDConfig,
    frames: dict[str, int],
    sources: dict[str, str],
    joints: dict[str, tuple[int, ...]] | None = None,
) -> dict[str, FrameSplit]:
    """Frames of the splits "train", "validation" and "test".

    The test takes the end of the trajectory, as one would use a model. Validation takes the middle of the
    rest: a transition starts and ends unlike it goes on, and at its end would measure the end alone.

    Args:
        config: fractions, lag, stride and velocities.
        frames: number of frames of every trajectory; "train" and, where given, "validation" and "test".
        sources: names of the trajectories, for messages.
        joints: first frames of their files after the first; no sample spans two files.

    Raises:
        InputError: where a split has no start frame, with the largest lag that would do.
    """
    fractions = used_fractions(config)
    total = frames["train"]
    test = round(total * fractions["test_fraction"]) if "test" not in frames else 0
    validation = round(total * fractions["validation_fraction"]) if "validation" not in frames else 0
    rest = total - test
    first = (rest - validation) // 2
    middle = (first, first + validation - 1)
    around = ((0, first - 1), (first + validation, rest - 1)) if validation else ((0, rest - 1),)
    splits = {
        "train": FrameSplit(0, around),
        "validation": FrameSplit(0, (middle,)),
        "test": FrameSplit(0, ((rest, total - 1),)),
    }
    for number, name in enumerate(frames):
        if name != "train":
            splits[name] = FrameSplit(number, ((0, frames[name] - 1),))
    for name, split in splits.items():
        cuts = (joints or {}).get(name if name in frames else "train", ())
        splits[name] = FrameSplit(split.trajectory, _cut(split.stretches, cuts))
    _check_starts(config, splits, frames, sources)
    return splits


def _cut(stretches: tuple[tuple[int, int], ...], cuts: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """The stretches (first, last), of which none goes on over a cut: a frame that begins something new."""
    pieces = []
    for first, last in stretches:
        starts = [first, *(cut for cut in cuts if first < cut <= last)]
        pieces += [(a, b - 1) for a, b in zip(starts, [*starts[1:], last + 1], strict=True)]
    return tuple(pieces)


def _check_starts(
    config: ProteinMDConfig, splits: dict[str, FrameSplit], frames: dict[str, int], sources: dict[str, str]
) -> None:
    short = min(splits, key=lambda name: splits[name].longest)
    if splits[short].starts(config.lag, config.velocities, 1):
        return
    longest = splits[short].longest
    fits = longest - 1 - int(config.velocities)
    owner = short if short in frames else "train"
    mend = f"a lag of at most {fits} would do" if fits >= 1 else "no lag would do: give a longer trajectory"
    reach = f"{config.lag} frames ahead{' and one back for velocities' if config.velocities else ''}"
    raise InputError(
        f"data.lag: {reach} do not fit into the {longest} consecutive {short} frames of {sources[owner]} "
        f"({frames[owner]} frames in all); {mend}"
    )
