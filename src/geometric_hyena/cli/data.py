"""`ghyena data NAME`: download a data set, or write one that is generated."""

from pathlib import Path

from geometric_hyena.cli.words import split_option, take_options, wants_help
from geometric_hyena.errors import InputError

_SETS = {
    "adk-equilibrium": "adenylate kinase at equilibrium: 4,187 frames, 3,341 atoms (170 MB, CC-BY 4.0)",
    "recall": "geometric associative recall, generated: tokens and targets as one npz file",
}

_USAGE = """usage: ghyena data NAME [--out PATH]

{sets}

  --out PATH   where to keep the files (default: the cache directory, or GHYENA_CACHE); recall: the file

ghyena data recall --help: its options
"""


def run(words: list[str]) -> int:
    """Run the verb on its command-line words."""
    if words and words[0] == "recall":
        return _recall(words[1:])
    if not words or wants_help(words):
        print(_USAGE.format(sets="\n".join(f"  {n:16}  {text}" for n, text in _SETS.items())), end="")
        return 0 if words else 2
    positional, options = take_options(words, ("out",), "data")
    if len(positional) != 1 or positional[0] not in _SETS:
        raise InputError(f"expected one data set, one of: {', '.join(_SETS)}; got '{' '.join(positional)}'")
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
