"""RNA sequences in FASTA files, with or without a line of dot-bracket below the letters."""

from dataclasses import dataclass
from pathlib import Path

from geometric_hyena.data.protein_md.files import check_file, text_of
from geometric_hyena.data.rna.problems import Problems, clean_sequence, sequence_problems

SUFFIXES = (".fasta", ".fa", ".fna", ".fas")


@dataclass(frozen=True)
class FastaRecord:
    """A sequence.

    Attributes:
        name: the first word of its header.
        sequence: letters `ACGU`.
        structure: dot-bracket, or None where the file gives none.
        thymine: whether T was read as U.
    """

    name: str
    sequence: str
    structure: str | None
    thymine: bool


def read_fasta(path: str | Path) -> list[FastaRecord]:
    """All sequences of a FASTA file; a line of brackets and dots is the structure of the sequence above it.

    Raises:
        InputError: naming every sequence that cannot be used, with its row.
    """
    check_file(str(path), "a FASTA file")
    problems = Problems()
    records: dict[str, FastaRecord] = {}
    for place, header, lines in _entries(Path(path), problems):
        name = (header.split() or [""])[0]
        letters = "".join(line for line in lines if not _is_brackets(line))
        # RNAfold writes the energy behind the brackets.
        brackets = "".join(line.split()[0] for line in lines if _is_brackets(line)) or None
        sequence, thymine = clean_sequence("".join(letters.split()))
        found = sequence_problems(sequence, brackets)
        if not name:
            found.append("the header has no name")
        if name in records:
            found.append(f"{name} is there already")
        for what in found:
            problems.add(place, what)
        if not found:
            records[name] = FastaRecord(name, sequence, brackets, thymine)
    if not records and not problems.found:
        problems.add(str(path), "holds no sequence; expected lines '>name' with letters below")
    problems.finish(len(records))
    return list(records.values())


def write_fasta(path: Path, records: list[FastaRecord]) -> Path:
    """Write sequences, each on a line, with their dot-brackets below where they have one."""
    from geometric_hyena.files import replace_text

    lines = [part for r in records for part in (f">{r.name}", r.sequence, r.structure) if part]
    replace_text(path, "\n".join(lines) + "\n")
    return path


def _entries(path: Path, problems: Problems) -> list[tuple[str, str, list[str]]]:
    """(place, header, lines below it) of every sequence."""
    entries: list[tuple[str, str, list[str]]] = []
    with text_of(path) as file:
        lines = list(file)
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text.startswith(">"):
            entries.append((f"{path.name}, row {number}", text[1:].strip(), []))
        elif text and not entries:
            problems.add(f"{path.name}, row {number}", "stands before the first header; expected '>name'")
            break
        elif text:
            entries[-1][2].append(text)
    return entries


def _is_brackets(line: str) -> bool:
    return not set(line.split()[0]) - set(".()[]{}<>")
