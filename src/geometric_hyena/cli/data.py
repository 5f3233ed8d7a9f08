"""`ghyena data NAME`: download a data set."""

from geometric_hyena.cli.words import take_options, wants_help
from geometric_hyena.errors import InputError

_SETS = {
    "adk-equilibrium": "adenylate kinase at equilibrium: 4,187 frames, 3,341 atoms (170 MB, CC-BY 4.0)",
}

_USAGE = """usage: ghyena data NAME [--out DIR]

{sets}

  --out DIR   where to keep the files (default: the cache directory, or GHYENA_CACHE)
"""


def run(words: list[str]) -> int:
    """Run the verb on its command-line words."""
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
