"""`ghyena data NAME`: download a data set, write one that is generated, or check the files of an owner."""

from collections.abc import Callable
from pathlib import Path

from geometric_hyena.cli.data_rna import RNA_SETS, check_rna_set
from geometric_hyena.cli.words import split_option, take_options, wants_help
from geometric_hyena.errors import InputError

_SETS = {
    "adk-equilibrium": "adenylate kinase at equilibrium: 4,187 frames, 3,341 atoms (170 MB, CC-BY 4.0)",
    "recall": "geometric associative recall, generated: tokens and targets as one npz file",
    **{name: chosen.summary for name, chosen in RNA_SETS.items()},
    "rhofold": "structures of RNA sequences, predicted by RhoFold+ where you have it",
}

_USAGE = """usage: ghyena data NAME ...

{sets}

  ghyena data NAME --help   where its files come from, their licence, and the options
"""

_ADK_USAGE = """usage: ghyena data adk-equilibrium [--out DIR]

Adenylate kinase at equilibrium, 4,187 frames 240 ps apart, 3,341 atoms, no water: downloaded and checked.
S. Seyler and O. Beckstein (2017), doi:10.6084/m9.figshare.5108170. Licence: CC-BY 4.0.

  --out DIR   where to keep the files (default: the cache directory, or GHYENA_CACHE)
"""


_RHOFOLD_USAGE = """usage: ghyena data rhofold SEQUENCES.fasta --rhofold DIR --out DIR [--OPTION VALUE ...]

Structures of RNA sequences by RhoFold+ (github.com/ml4bio/RhoFold, Apache-2.0), a program that you install
on its own: its conda environment, and its weights in DIR/pretrained. Each sequence alone, without an
alignment. Writes NAME.pdb and NAME.ct, and secondary_structure.fasta; sequences that have a structure in
--out are not done again. Train with them by --structures DIR (--data.structures DIR).

  --rhofold DIR     its checkout, with inference.py
  --out DIR         where to write
  --python FILE     the Python of its environment (default: python)
  --weights FILE    its weights (default: DIR/pretrained/rhofold_pretrained_params.pt)
  --device NAME     cpu or cuda:0 (default: cpu)
"""


def run(words: list[str]) -> int:
    """Run the verb on its command-line words."""
    name = words[0] if words and words[0] in _SETS else None
    if name == "recall":
        return _recall(words[1:])
    if name == "rhofold":
        return _rhofold(words[1:])
    if not words or (wants_help(words) and name is None):
        print(_USAGE.format(sets="\n".join(f"  {n:16}  {text}" for n, text in _SETS.items())), end="")
        return 0 if words else 2
    if name is None:
        positional = take_options(words, ("out",), "data")[0]
        raise InputError(f"expected one data set, one of: {', '.join(_SETS)}; got '{' '.join(positional)}'")
    if wants_help(words):
        print(_ADK_USAGE if name == "adk-equilibrium" else RNA_SETS[name].usage, end="")
        return 0
    read: Callable[[list[str]], int] = _adk if name == "adk-equilibrium" else lambda w: check_rna_set(name, w)
    return read(words[1:])


def _adk(words: list[str]) -> int:
    positional, options = take_options(words, ("out",), "data adk-equilibrium")
    if positional:
        raise InputError(f"expected one data set; got 'adk-equilibrium {' '.join(positional)}'")
    from geometric_hyena.data.protein_md import download_adk_equilibrium

    psf, dcd = download_adk_equilibrium(options.get("out"))
    print(f"{psf}\n{dcd}")
    print(f"train with: ghyena train protein-md --data.topology {psf} --data.trajectory {dcd} --data.lag 15")
    return 0


def _recall(words: list[str]) -> int:
    from geometric_hyena.data.associative_recall import AssociativeRecallConfig, write_recall
    from geometric_hyena.training.config_parser import ConfigParser

    parser = ConfigParser(AssociativeRecallConfig, "ghyena data recall")
    if wants_help(words):
        print(f"{parser.help_text(everything=True)}\n\n  --out FILE.npz: the file to write")
        return 0
    out, rest = split_option(words, "out")
    if out is None:
        raise InputError("--out: expected the file to write, such as recall.npz")
    print(write_recall(parser.read(rest), Path(out)))
    return 0


def _rhofold(words: list[str]) -> int:
    if not words or wants_help(words):
        print(_RHOFOLD_USAGE, end="")
        return 0 if words else 2
    names = ("rhofold", "out", "python", "weights", "device")
    positional, options = take_options(words, names, "data rhofold")
    if len(positional) != 1 or not {"rhofold", "out"} <= options.keys():
        raise InputError("expected one FASTA file, --rhofold and --out; see ghyena data rhofold --help")
    from geometric_hyena.data.rna.fasta import read_fasta
    from geometric_hyena.data.rna.rhofold import RhoFold, predict_structures

    program = RhoFold(
        Path(options["rhofold"]),
        options.get("python", "python"),
        Path(options["weights"]) if "weights" in options else None,
        options.get("device", "cpu"),
    )
    for path in predict_structures(read_fasta(positional[0]), Path(options["out"]), program):
        print(path)
    return 0
