"""Loop types of nucleotides, with the letters of bpRNA (Danaee et al. 2018).

S stem, H hairpin, B bulge, I internal loop, M multiloop, X exterior between stems, E dangling end.
"""

from geometric_hyena.data.rna.secondary_structure import Loop, loops, nested_partners

LOOP_TYPES = "SHBIMXE"


def loop_types(structure: str) -> str:
    """The loop type of every nucleotide of a dot-bracket string, as a string of the same length.

    Pseudoknots count as unpaired, as in bpRNA; of brackets that cross, the earlier kind counts.

    Raises:
        InputError: for brackets that do not balance.
    """
    letters = ["S"] * len(structure)
    for loop in loops(nested_partners(structure)):
        for number, (start, end) in enumerate(loop.strands):
            letters[start:end] = _letter(loop, number) * (end - start)
    return "".join(letters)


def _letter(loop: Loop, strand: int) -> str:
    """The type of the nucleotides on one strand of a loop."""
    if loop.closing is None:
        return "E" if strand in (0, len(loop.branches)) else "X"
    if not loop.branches:
        return "H"
    if len(loop.branches) > 1:
        return "M"
    bulge = any(start == end for start, end in loop.strands)
    return "B" if bulge else "I"
