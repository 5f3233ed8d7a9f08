"""RNA out of PDB, mmCIF and BinaryCIF files, read by biotite."""

import warnings
from collections.abc import Sequence
from functools import cache
from io import BytesIO, StringIO
from itertools import pairwise
from pathlib import PurePath
from typing import Any

import numpy as np

from geometric_hyena.data.protein_md.files import translated
from geometric_hyena.data.protein_md.residues import AMINO_ACIDS, standard_residue
from geometric_hyena.data.protein_md.trajectory import FARTHEST
from geometric_hyena.data.rna.builder.ideal_residues import ideal_residue
from geometric_hyena.data.rna.structure import RnaStructure
from geometric_hyena.errors import InputError, MissingDependencyError

SUFFIXES = (".pdb", ".ent", ".cif", ".mmcif", ".bcif")
_LINK = 2.5  # angstrom, the longest O3'-P that still counts as a bond
_SHOWN = 5  # of a list in a note


def read_structure(content: bytes, file: str, name: str | None = None) -> RnaStructure:
    """All RNA chains of a structure file; of several models the first, of alternative locations the first.

    Modified nucleotides count as their parents (`N` where there is none), proteins, DNA and ligands are left
    out, and nucleotides without sugar or base too; the notes of the structure say all of it.

    Args:
        content: of the file.
        file: its name; the suffix tells the format, and errors name it.
        name: of the structure; None: the file's name without its suffix.

    Raises:
        InputError: for a file that is no structure or holds no RNA, naming file and residue.
        MissingDependencyError: where biotite is not installed.
    """
    suffix = PurePath(file).suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{file}: expected one of {', '.join(SUFFIXES)}")
    if not content.strip():
        raise InputError(f"{file}: is empty; copy or write it again")
    _biotite()
    with translated(file, "structure"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # elements guessed from names are what we want
        atoms = _parse(content, suffix)
    far = ~(np.abs(atoms.coord) <= FARTHEST).all(axis=1)
    if far.any():
        place = int(np.flatnonzero(far)[0])
        raise InputError(
            f"{file}: atom {place + 1} has a coordinate that is not finite or beyond {FARTHEST:g} angstrom; "
            f"leave it out"
        )
    atoms.atom_name = _modern_names(atoms.atom_name)
    return _rna_of(atoms, file, PurePath(file).stem if name is None else name)


def _parse(content: bytes, suffix: str) -> Any:
    from biotite.structure.io import pdb, pdbx

    if suffix == ".bcif":
        return pdbx.get_structure(pdbx.BinaryCIFFile.read(BytesIO(content)), model=1)
    text = StringIO(content.decode())
    if suffix in (".cif", ".mmcif"):
        return pdbx.get_structure(pdbx.CIFFile.read(text), model=1)
    return pdb.PDBFile.read(text).get_structure(model=1)


def _modern_names(names: np.ndarray) -> np.ndarray:
    """Names of atoms as since 2007: primes for asterisks, OP1 for O1P."""
    primed = np.char.replace(names, "*", "'")
    for old, new in (("O1P", "OP1"), ("O2P", "OP2"), ("O3P", "OP3")):
        primed[primed == old] = new
    return primed


def _rna_of(atoms: Any, file: str, name: str) -> RnaStructure:
    import biotite.structure as bs

    starts = bs.get_residue_starts(atoms, add_exclusive_stop=True)
    residues = [atoms[a:b] for a, b in pairwise(starts)]
    kept, letters = [], []
    left: dict[str, list[str]] = {}
    notes: dict[str, list[str]] = {}
    for residue, letter, reason in _in_chain([(r, *_classify(r, file)) for r in residues]):
        label = _label(residue)
        if reason:
            left.setdefault(reason, []).append(label)
            continue
        resname = str(residue.res_name[0])
        if standard_residue(resname) != letter:
            notes.setdefault("modified nucleotides", []).append(f"{label} as {letter}")
        missing = _missing(residue, letter)
        if missing:
            notes.setdefault("missing atoms", []).append(f"{label} {' '.join(missing)}")
        kept.append(residue)
        letters.append(letter)
    if not kept:
        found = ", ".join(f"{len(v)} {k}" for k, v in left.items()) or "nothing"
        raise InputError(f"{file}: holds no RNA ({found}); expected nucleotides with a ribose")
    chosen = bs.concatenate(kept)
    structure = RnaStructure(
        name=name,
        sequence="".join(letters),
        coordinates=np.asarray(chosen.coord, dtype=np.float32),
        names=np.asarray(chosen.atom_name, dtype=str),
        elements=np.char.upper(np.asarray(chosen.element, dtype=str)),
        residue=np.repeat(np.arange(len(kept)), [len(residue) for residue in kept]),
        chains=np.array([str(residue.chain_id[0]) for residue in kept]),
        numbers=np.array([int(residue.res_id[0]) for residue in kept]),
    )
    broken = structure.chain_ends()[:-1] & (structure.chains[1:] == structure.chains[:-1])
    if broken.any():
        notes["chain breaks"] = [f"after {_label(kept[i])}" for i in np.flatnonzero(broken)]
    told = [_listed(what, items) for what, items in notes.items()]
    told += [_listed(f"left out: {what}", items) for what, items in left.items()]
    object.__setattr__(structure, "notes", tuple(told))
    return structure


def _classify(residue: Any, file: str) -> tuple[str, str]:
    """The letter of a nucleotide, or why the residue is left out."""
    resname = str(residue.res_name[0]).strip().upper()
    names = set(residue.atom_name.tolist())
    standard = standard_residue(resname)
    if standard in AMINO_ACIDS or resname in _component_names()[1]:
        return "", "amino acids"
    if standard is None and resname not in _component_names()[0]:
        if residue.hetero[0] and not {"C1'", "C4'", "O3'"} <= names:
            return "", "ligands, ions and waters"
        if not residue.hetero[0]:
            raise InputError(
                f"{file}: residue {_label(residue)} is unknown; rename it as the PDB does, "
                f"or mark it as HETATM"
            )
    if not {"C1'", "C4'"} <= names or not names & {"N1", "N9"}:
        return "", "nucleotides without sugar or base"
    if "O2'" not in names and (resname in ("DA", "DC", "DG", "DT", "DU", "DI") or standard == "T"):
        return "", "DNA nucleotides"
    letter = standard or _parent(resname)
    letter = "U" if letter == "T" else letter
    return (letter if letter in ("A", "C", "G", "U") else "N"), ""


def _in_chain(found: list[tuple[Any, str, str]]) -> list[tuple[Any, str, str]]:
    """Residues with nucleotides among the heteroatoms put where they are bonded, or marked as ligands.

    A modified nucleotide, such as the triphosphate at a transcript's start, may stand at the end of the file.
    """
    chain = [entry for entry in found if not (entry[1] and entry[0].hetero[0])]
    loose = [entry for entry in found if entry[1] and entry[0].hetero[0]]
    placed = True
    while loose and placed:
        placed = False
        first, last = _ends([e[0] for e in chain], "P"), _ends([e[0] for e in chain], "O3'")
        for entry in loose:
            own_first, own_last = _ends([entry[0]], "P")[0], _ends([entry[0]], "O3'")[0]
            before = np.flatnonzero(np.linalg.norm(first - own_last, axis=1) < _LINK)
            after = np.flatnonzero(np.linalg.norm(last - own_first, axis=1) < _LINK)
            if len(before) or len(after):
                chain.insert(int(before[0]) if len(before) else int(after[0]) + 1, entry)
                loose = [other for other in loose if other is not entry]
                placed = True
                break
    return chain + [(residue, "", "ligands, ions and waters") for residue, _, _ in loose]


def _ends(residues: Sequence[Any], name: str) -> np.ndarray:
    """Where an atom is in every residue of which it is part, else nowhere, (n, 3)."""
    # Far from everything, and differently for both ends of a bond.
    nowhere = np.full((1, 3), 1e6 if name == "P" else 2e6)
    found = [np.concatenate([r.coord[r.atom_name == name], nowhere])[0] for r in residues]
    return np.array(found).reshape(-1, 3)


def _missing(residue: Any, letter: str) -> list[str]:
    """Names of the heavy atoms that a nucleotide of this letter has and this one lacks."""
    if letter == "N":
        return []
    ideal = ideal_residue(letter)
    heavy = [n for n, element in zip(ideal.names, ideal.elements, strict=True) if element != "H"]
    present = set(residue.atom_name.tolist())
    # Some modifications replace an atom of the base (pseudouridine's N1), which is no gap.
    standard = standard_residue(str(residue.res_name[0])) == letter
    return [n for n in heavy if n not in present and (standard or "'" in n or "P" in n)]


def _label(residue: Any) -> str:
    chain = str(residue.chain_id[0]).strip(" .")
    return f"{residue.res_name[0]} {chain}{residue.res_id[0]}{residue.ins_code[0]}".strip()


def _listed(what: str, items: Sequence[str]) -> str:
    more = f", ... ({len(items)} in all)" if len(items) > _SHOWN else ""
    return f"{what}: {', '.join(items[:_SHOWN])}{more}"


@cache
def _component_names() -> tuple[frozenset[str], frozenset[str]]:
    """Nucleotides and amino acids of the chemical component dictionary."""
    from biotite.structure import info

    return frozenset(info.nucleotide_names()), frozenset(info.amino_acid_names())


@cache
def _parent(resname: str) -> str:
    """The letter that the dictionary gives a modified nucleotide."""
    from biotite.structure import info

    return str(info.one_letter_code(resname) or "N")


def _biotite() -> None:
    try:
        import biotite.structure  # noqa: F401
    except ImportError:
        raise MissingDependencyError("biotite", "bio", "reading structures") from None
