"""Whole files to be broken: small parts of real ones, and small ones of our own; name to content.

Files that are to be left whole, such as the topology of a trajectory, are written into a folder.
"""

import json
import shutil
import tarfile
import warnings
import zipfile
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pytest

from real_data import real_file
from training.small_rna import hairpins, nucleotide_table

ATOMS = 60  # of a small protein


def adk():
    """The first residues of adenylate kinase, as an MDAnalysis AtomGroup with a trajectory."""
    MDAnalysis = pytest.importorskip("MDAnalysis")
    datafiles = pytest.importorskip("MDAnalysisTests.datafiles")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        universe = MDAnalysis.Universe(datafiles.PSF, datafiles.DCD)
        universe.add_TopologyAttr("elements", [name[0] for name in universe.atoms.names])
        return universe.atoms[:ATOMS]


def trajectory(folder: Path, suffix: str) -> dict[str, bytes]:
    """Four frames, or one where the format has no more, and `whole.pdb` to read them with."""
    group = adk()
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the writers fill in what a PSF does not say
        group.write(str(folder / "whole.pdb"))
        if suffix in _WRITTEN_HERE:
            frames = [group.positions for _ in group.universe.trajectory[:4]]
            return {f"adk{suffix}": _WRITTEN_HERE[suffix](frames).encode()}
        several = {} if suffix in _SINGLE else {"frames": group.universe.trajectory[:4]}
        group.write(str(folder / f"start{suffix}"), **several)
    return {f"adk{suffix}": (folder / f"start{suffix}").read_bytes()}


def _mdcrd(frames: list[np.ndarray]) -> str:
    """Amber's text trajectory without boxes: ten numbers of eight columns a line."""
    lines = ["adenylate kinase"]
    for frame in frames:
        numbers = [f"{x:8.3f}" for x in frame.ravel()]
        lines += ["".join(numbers[i : i + 10]) for i in range(0, len(numbers), 10)]
    return "\n".join(lines) + "\n"


def _lammps_dump(frames: list[np.ndarray]) -> str:
    lines: list[str] = []
    for step, frame in enumerate(frames):
        lines += ["ITEM: TIMESTEP", str(step), "ITEM: NUMBER OF ATOMS", str(len(frame))]
        lines += ["ITEM: BOX BOUNDS pp pp pp", *["-50 50"] * 3, "ITEM: ATOMS id type x y z"]
        lines += [f"{i} 1 {x:.3f} {y:.3f} {z:.3f}" for i, (x, y, z) in enumerate(frame, 1)]
    return "\n".join(lines) + "\n"


_SINGLE = (".coor", ".crd", ".gro", ".pdbqt")
_WRITTEN_HERE = {".mdcrd": _mdcrd, ".lammpsdump": _lammps_dump}  # MDAnalysis only reads these


def topology(folder: Path, suffix: str) -> dict[str, bytes]:
    """A topology of its own kind, and `whole.dcd` that belongs to it."""
    from MDAnalysisTests import datafiles

    trajectory(folder, ".dcd")
    shutil.copyfile(folder / "start.dcd", folder / "whole.dcd")
    if suffix == ".psf":
        return {"adk.psf": _cut_psf(Path(datafiles.PSF).read_text(), ATOMS).encode()}
    if suffix == ".gro":
        lines = Path(datafiles.GRO).read_text().splitlines()
        text = "\n".join([lines[0], f"{ATOMS:5d}", *lines[2 : ATOMS + 2], lines[-1]]) + "\n"
        return {"adk.gro": text.encode()}
    return {"ache.prmtop": Path(datafiles.PRM).read_bytes()}


def protein_pdb(folder: Path) -> dict[str, bytes]:
    """A crystal structure, and a structure of several models."""
    datafiles = pytest.importorskip("MDAnalysisTests.datafiles")
    crystal = Path(datafiles.PDB_small).read_text().splitlines()[: ATOMS + 8]
    models = Path(datafiles.PDB_multiframe).read_text().splitlines()
    first = next(i for i, line in enumerate(models) if line.startswith("MODEL"))
    kept = models[:3] + _cut_models(models[first:])
    return {"adk.pdb": "\n".join(crystal).encode(), "models.pdb": "\n".join(kept).encode()}


def rna_files(suffix: str) -> dict[str, bytes]:
    """A hairpin of our own and, where it is there, the start of a crystal structure."""
    pdbx = pytest.importorskip("biotite.structure.io.pdbx")
    from biotite.structure.io import pdb

    from geometric_hyena.data.rna.builder.sketch import sketch_coordinates, sketch_of

    _, sequence, brackets = hairpins(1)[0]
    sketch = sketch_of(sequence, brackets, sketch_coordinates(sequence, brackets, False), False, "hairpin")
    found = {f"hairpin{suffix}": _written(_atom_array(sketch), suffix)}
    try:
        real = real_file("structures/1gid.cif")
    except pytest.skip.Exception:
        return found
    if suffix == ".cif":
        lines = real.read_text().splitlines(keepends=True)
        atoms = [i for i, line in enumerate(lines) if line.startswith(("ATOM", "HETATM"))]
        dropped = set(atoms[200:])
        text = "".join(line for i, line in enumerate(lines) if i not in dropped)
        return {**found, "1gid.cif": text.encode()}
    array = pdbx.get_structure(pdbx.CIFFile.read(str(real)), model=1)
    if suffix == ".pdb":
        array = array[np.char.str_len(array.res_name) <= 3]
        assert isinstance(pdb.PDBFile(), object)
    return {**found, f"1gid{suffix}": _written(array[:200], suffix)}


def labels_csv(folder: Path) -> dict[str, bytes]:
    """Per nucleotide, and per molecule with its columns called otherwise."""
    nucleotides = nucleotide_table(folder / "labels.csv", hairpins(4)).read_bytes()
    rows = ["Name,Seq,size,split"]
    rows += [f"{name},{sequence},{len(sequence)}.5,train" for name, sequence, _ in hairpins(6)]
    return {"labels.csv": nucleotides, "molecules.csv": "\n".join(rows).encode()}


def open_vaccine_json() -> dict[str, bytes]:
    """Rows like Kaggle's and, where it is there, the first of its own."""
    rows = []
    for name, sequence, brackets in hairpins(5):
        row = {"id": name, "sequence": sequence, "structure": brackets, "SN_filter": 1, "seq_scored": 6}
        for target in ("reactivity", "deg_Mg_pH10", "deg_pH10", "deg_Mg_50C", "deg_50C"):
            row[target] = [0.5, 0.25, 1.0, -0.1, 0.0, 2.5]
        rows.append(json.dumps(row | {"reactivity_error": [0.1] * 6}))
    found = {"own.json": "\n".join(rows).encode()}
    try:
        real = real_file("open_vaccine/train.json")
    except pytest.skip.Exception:
        return found
    with open(real, "rb") as file:
        return {**found, "train.json": b"".join(next(file) for _ in range(3))}


def ribonanza_csv() -> dict[str, bytes]:
    """Rows like Kaggle's: two experiments a sequence, a column a nucleotide."""
    labels = [f"reactivity_{i:04d}" for i in range(1, 21)]
    errors = [name.replace("reactivity", "reactivity_error") for name in labels]
    head = ["sequence_id", "sequence", "experiment_type", "dataset_name", "reads", "signal_to_noise"]
    rows = [",".join([*head, "SN_filter", *labels, *errors])]
    draw = np.random.default_rng(0)
    for name, sequence, _ in hairpins(6):
        for experiment in ("2A3_MaP", "DMS_MaP"):
            count = len(sequence)
            values = [f"{v:.3f}" if 2 <= i < count - 2 else "" for i, v in enumerate(draw.normal(size=20))]
            rows.append(",".join([name, sequence, experiment, "set", "99", "2.5", "1", *values, *[""] * 20]))
    return {"train_data.csv": ("\n".join(rows) + "\n").encode()}


def tc_ribo_csv() -> dict[str, bytes]:
    """Rows of our own and, where it is there, the first of the real file."""
    rows = ["Sequence,Value,Dataset,Split"]
    splits = ("train", "train", "val", "test")
    rows += [f"{s},{len(s)}.25,own,{splits[i % 4]}" for i, (_, s, _) in enumerate(hairpins(8))]
    found = {"own.csv": "\n".join(rows).encode()}
    try:
        real = real_file("tc_ribo/Tc-Riboswitches.csv")
    except pytest.skip.Exception:
        return found
    return {**found, "Tc-Riboswitches.csv": b"".join(real.read_bytes().splitlines(keepends=True)[:12])}


def fasta() -> dict[str, bytes]:
    """Sequences alone, and with the structures and energies that RNAfold writes."""
    plain = "".join(f">{name} made up\n{s[:8]}\n{s[8:]}\n" for name, s, _ in hairpins(4))
    folded = "".join(f">{name}\n{s}\n{b} (-1.20)\n" for name, s, b in hairpins(4))
    return {"plain.fasta": plain.encode(), "folded.fa": folded.encode()}


def connectivity_table() -> dict[str, bytes]:
    """What RhoFold writes beside a structure."""
    _, sequence, _ = hairpins(1)[0]
    rows = [f"{len(sequence)}\thairpin"]
    rows += [f"{i}\t{x}\t{i - 1}\t{i + 1}\t0\t{i}" for i, x in enumerate(sequence, 1)]
    return {"hairpin.ct": "\n".join(rows).encode()}


def archives() -> dict[str, bytes]:
    """A structure in archives of four kinds."""
    (content,) = (c for name, c in rna_files(".pdb").items() if name.startswith("hairpin"))
    zipped = BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/hairpin.pdb", content)
    found = {"structures.zip": zipped.getvalue()}
    for mode in ("", "gz", "xz"):
        packed = BytesIO()
        with tarfile.open(fileobj=packed, mode=f"w:{mode}") as archive:
            member = tarfile.TarInfo("folder/hairpin.pdb")
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
        found[f"structures.tar{'.' * bool(mode)}{mode}"] = packed.getvalue()
    return found


def _atom_array(structure):
    from biotite.structure import AtomArray

    array = AtomArray(len(structure.names))
    array.coord = structure.coordinates
    array.atom_name, array.element = structure.names, structure.elements
    array.res_id = structure.residue + 1
    array.res_name = np.array(list(structure.sequence))[structure.residue]
    array.chain_id[:] = "A"
    return array


def _written(array, suffix: str) -> bytes:
    from biotite.structure.io import pdb, pdbx

    if suffix == ".bcif":
        file, stream = pdbx.BinaryCIFFile(), BytesIO()
    else:
        file, stream = (pdb.PDBFile() if suffix == ".pdb" else pdbx.CIFFile()), StringIO()
    file.set_structure(array) if suffix == ".pdb" else pdbx.set_structure(file, array)
    file.write(stream)
    content = stream.getvalue()
    return content if isinstance(content, bytes) else content.encode()


def _cut_models(lines: list[str]) -> list[str]:
    """Three models of which the first atoms are kept."""
    kept: list[str] = []
    for line in lines:
        if line.startswith("MODEL"):
            atoms = 0
            kept.append(line)
        elif line.startswith("ATOM"):
            atoms += 1
            if atoms <= ATOMS:
                kept.append(line)
        elif line.startswith("ENDMDL"):
            kept.append(line)
            if sum(x.startswith("ENDMDL") for x in kept) == 3:
                break
    return [*kept, "END"]


def _cut_psf(text: str, atoms: int) -> str:
    """The first atoms of a PSF file, and no bonds."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if "!NATOM" in line)
    empty = [f"{0:8d} {name}\n" for name in ("!NBOND: bonds", "!NTHETA: angles", "!NPHI: dihedrals")]
    return "\n".join(
        [*lines[:first], f"{atoms:8d} !NATOM", *lines[first + 1 : first + 1 + atoms], "", *empty]
    )
