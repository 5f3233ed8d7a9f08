"""The parts by name: what each needs, what it would run, and what runs it."""

from collections.abc import Callable
from dataclasses import dataclass

from geometric_hyena.gpu_evidence import correctness, figure1
from geometric_hyena.gpu_evidence.options import Options
from geometric_hyena.gpu_evidence.packages import TESTS, TRAINING
from geometric_hyena.gpu_evidence.record import Content, Outcome
from geometric_hyena.gpu_evidence.sweeps import RECALL, TABLE1, TABLE3, Trained


@dataclass(frozen=True)
class Part:
    """A part of the evidence.

    Attributes:
        name: as `--parts` knows it.
        title: what it shows.
        packages: what it imports beyond the package's own dependencies.
        plan: lines of what it would run.
        run: (options, record of earlier calls, command, deadline) to how far it got.
        one_device: whether what two kinds of GPU found must not be mixed.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    plan: Callable[[Options], list[str]]
    run: Callable[[Options, Content, str, float], Outcome]
    one_device: bool = False


def _trained(entry: Trained, title: str, *packages: str) -> Part:
    return Part(entry.part, title, (*TRAINING, *packages), entry.plan, entry.run)


PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        Part(correctness.NAME, correctness.TITLE, TESTS, correctness.plan, correctness.run, one_device=True),
        Part(figure1.NAME, figure1.TITLE, (), figure1.plan, figure1.run, one_device=True),
        _trained(RECALL, "Associative recall at lengths 256, 512 and 1,024"),
        _trained(TABLE1, "Table 1: Open Vaccine at full size"),
        _trained(TABLE3, "Table 3: molecular dynamics of adenylate kinase", "MDAnalysis"),
    )
}
