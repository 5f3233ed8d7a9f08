"""`ghyena data` for RNA: every data set with its source and licence, its file checked and summed up."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geometric_hyena.cli.words import take_options
from geometric_hyena.errors import InputError

if TYPE_CHECKING:
    from geometric_hyena.data.rna import RnaData

_SHOWN = 10  # lines of notes, and of what was left out


@dataclass(frozen=True)
class RnaSet:
    """A data set on the command line: one line about it, its help, and its options."""

    summary: str
    usage: str
    options: tuple[str, ...]


_COMMON = """  --structures DIR      structures (PDB, mmCIF, BinaryCIF) in a folder or archive, named by id
  --skip_invalid true   leave bad rows out and list them, instead of an error
  --fasta FILE          write sequences and base pairs there, too
"""

RNA_SETS = {
    "open-vaccine": RnaSet(
        "mRNA degradation: 107-nt constructs, five profiles (Kaggle train.json)",
        f"""usage: ghyena data open-vaccine FILE [--OPTION VALUE ...]

Open Vaccine (Kaggle 2020): degradation and reactivity of mRNA constructs, 107 nt, 68 of them scored.
Get train.json from kaggle.com/c/stanford-covid-vaccine (log in, accept the rules), or in the same format from
github.com/eternagame/DegScore (MIT licence). Wayment-Steele et al. 2022, doi:10.1038/s42256-022-00571-8.
FILE is checked and summed up; nothing is downloaded.

  --targets A,B,...     reactivity, deg_Mg_pH10, deg_pH10, deg_Mg_50C, deg_50C (default: the first three)
  --sn_filter false     take constructs below the signal-to-noise filter, too
{_COMMON}""",
        ("targets", "sn_filter"),
    ),
    "ribonanza": RnaSet(
        "chemical mapping by DMS and 2A3 (Kaggle train_data.csv, read row by row)",
        f"""usage: ghyena data ribonanza FILE [--OPTION VALUE ...]

Ribonanza (Kaggle 2023): reactivity to DMS and 2A3, 1.6 million rows of up to 206 nt in many sub-data-sets.
Get train_data.csv from kaggle.com/c/stanford-ribonanza-rna-folding (log in, accept the rules; CC-BY 4.0), and
there rhofold_pdbs for structures. He et al. 2024, doi:10.1101/2024.02.24.581671.
FILE is checked and summed up; nothing is downloaded.

  --dataset NAME        a dataset_name (default: of those with 2,000 to 2,500 molecules that pass SN_filter in
                        both experiments the one with labels nearest to normal)
  --smallest N          fewest molecules of a sub-data-set that is chosen
  --largest N           most of them
{_COMMON}""",
        ("dataset", "smallest", "largest"),
    ),
    "tc-ribo": RnaSet(
        "tetracycline riboswitches: 355 switching factors with their split (CSV)",
        f"""usage: ghyena data tc-ribo FILE [--OPTION VALUE ...]

Tetracycline riboswitches: switching factor of 355 variants, 66-75 nt, with a split of 248, 53 and 54.
Get Tc-Riboswitches.csv from github.com/Sanofi-Public/CodonBERT. Groher et al. 2018,
doi:10.1021/acssynbio.8b00207. Licence: academic, non-commercial; do not pass it on.
FILE is checked and summed up; nothing is downloaded.

{_COMMON}""",
        (),
    ),
    "rna": RnaSet(
        "your own RNA: a table of labels per nucleotide or per molecule",
        f"""usage: ghyena data rna LABELS.csv [--OPTION VALUE ...]

Your own measurements, a CSV file whose columns are found by name, in any order:

  per molecule     id, sequence, structure, and a column per target; a row per molecule
  per nucleotide   id, position (from 1), sequence, structure, and a column per target; a row per nucleotide

sequence may be left out where structures are given; structure (dot-bracket) always, then ViennaRNA folds it.
A column split (train, validation, test) is taken as the split. Empty cells are not measured.

  --targets A,B,...     columns to predict (default: all that have no other meaning)
{_COMMON}""",
        ("targets",),
    ),
}


def check_rna_set(name: str, words: list[str]) -> int:
    """Read a data set and its structures, and print what is in it."""
    chosen = RNA_SETS[name]
    positional, options = take_options(
        words, (*chosen.options, "structures", "skip_invalid", "fasta"), f"data {name}"
    )
    if len(positional) != 1:
        raise InputError(f"expected one file, got {len(positional)}; see ghyena data {name} --help")
    from geometric_hyena.data.rna.structure_sources import structures_for

    skip = _flag(options, "skip_invalid", False)
    data = _load(name, positional[0], options, skip)
    _describe(data)
    if "fasta" in options:
        from geometric_hyena.data.rna.fasta import FastaRecord, write_fasta

        rows = [FastaRecord(record.id, record.sequence, record.structure, False) for record in data.records]
        print(write_fasta(Path(options["fasta"]), rows))
    if "structures" in options:
        structures, left = structures_for(data.records, options["structures"], skip_invalid=skip)
        found = [structure for structure in structures if structure is not None]
        told = [f"{structure.name}: {note}" for structure in found for note in structure.notes]
        print(f"structures  {len(found)} match their sequence")
        _list("structures left out", left)
        _list("notes on structures", told)
    return 0


def _load(name: str, path: str, options: dict[str, str], skip: bool) -> "RnaData":
    from geometric_hyena.data import rna
    from geometric_hyena.data.rna.structure_files import StructureFiles

    targets = tuple(word.strip() for word in options.get("targets", "").split(",") if word.strip())
    if name == "open-vaccine":
        given = {"targets": targets} if targets else {}
        return rna.load_open_vaccine(
            path, sn_filter=_flag(options, "sn_filter", True), skip_invalid=skip, **given
        )
    if name == "ribonanza":
        bounds = {key: _count(options, key) for key in ("smallest", "largest") if key in options}
        return rna.load_ribonanza(path, dataset=options.get("dataset"), skip_invalid=skip, **bounds)
    if name == "tc-ribo":
        return rna.load_tc_ribo(path, skip_invalid=skip)
    files = StructureFiles(options["structures"]) if "structures" in options else None
    return rna.load_table(path, targets=targets, structures=files, skip_invalid=skip)


def _describe(data: "RnaData") -> None:
    import numpy as np

    from geometric_hyena.data.rna.splits import cluster_split, random_split

    sizes = [len(record) for record in data.records]
    print(f"molecules   {len(data)} of {min(sizes)} to {max(sizes)} nucleotides, {sum(sizes)} in all")
    values = np.concatenate([record.targets for record in data.records])
    for column, target in enumerate(data.target_names):
        known = values[np.isfinite(values[:, column]), column]
        told = f"mean {known.mean():.3f}, standard deviation {known.std():.3f}" if len(known) else "none"
        print(f"target      {target}, per {data.level}: {len(known)} values, {told}")
    splits = {"own": data.splits} if data.splits else {}
    for kind, split in (
        ("random", lambda: random_split(len(data))),
        ("cluster", lambda: cluster_split([r.sequence for r in data.records])),
    ):
        try:
            splits[kind] = split()
        except InputError as error:
            print(f"split       {kind}: {error}")
    for kind, parts in splits.items():
        print(f"split       {kind}: " + ", ".join(f"{len(rows)} {part}" for part, rows in parts.items()))
    _list("notes", data.notes)
    _list("left out", data.skipped)


def _list(title: str, lines: tuple[str, ...] | list[str]) -> None:
    if lines:
        print(f"{title}:")
        print("\n".join(f"  {line}" for line in lines[:_SHOWN]))
        if len(lines) > _SHOWN:
            print(f"  ... {len(lines)} in all")


def _flag(options: dict[str, str], name: str, default: bool) -> bool:
    value = options.get(name, str(default)).lower()
    if value not in ("true", "false"):
        raise InputError(f"--{name}: expected true or false, got '{options[name]}'")
    return value == "true"


def _count(options: dict[str, str], name: str) -> int:
    if not options[name].isdigit() or int(options[name]) < 1:
        raise InputError(f"--{name}: expected a number from 1, got '{options[name]}'")
    return int(options[name])
