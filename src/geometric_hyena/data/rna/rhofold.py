"""Structures predicted by RhoFold+ (Shen et al. 2024), run as a program of its own, in its own environment.

Its `inference.py` is called once per sequence, on the sequence alone: the alignments that it can use as well
need databases of about 900 GB. It asks for its weights at huggingface.co even where they are there.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

import numpy as np

from geometric_hyena.data.progress import tracked
from geometric_hyena.data.protein_md.files import check_file
from geometric_hyena.data.rna.fasta import FastaRecord, write_fasta
from geometric_hyena.data.rna.secondary_structure import dot_bracket, without_crossings
from geometric_hyena.data.rna.structure_reader import read_structure
from geometric_hyena.errors import InputError
from geometric_hyena.files import make_folder, replacing

_WEIGHTS = "pretrained/rhofold_pretrained_params.pt"
_SHOWN = 3  # last lines of a failed program's output


@dataclass(frozen=True)
class RhoFold:
    """An installation of RhoFold+.

    Attributes:
        folder: checkout of github.com/ml4bio/RhoFold.
        python: the interpreter of its environment.
        weights: its parameters; None: where its README puts them, inside the folder.
        device: cpu or cuda:N.
    """

    folder: Path
    python: str = "python"
    weights: Path | None = None
    device: str = "cpu"


def predict_structures(records: Sequence[FastaRecord], out: Path, program: RhoFold) -> list[Path]:
    """Predict structures of M sequences into `out`, those that are there already not again.

    Every sequence gets NAME.pdb (heavy atoms, confidence as B-factor) and NAME.ct (base pairs), all together
    `secondary_structure.fasta` with the pairs as dot-bracket, crossing ones left out.

    Returns:
        Paths of the structures, and of the FASTA file.

    Raises:
        InputError: where the program is not there or fails, or its answer is of another sequence.
    """
    check_file(str(program.folder / "inference.py"), "RhoFold's inference.py")
    for record in records:
        if PurePath(record.name).name != record.name or record.name.startswith("."):
            raise InputError(f"{record.name}: is no name for a file; rename the sequence")
    make_folder(out)
    missing = [record for record in records if not (out / f"{record.name}.pdb").is_file()]
    for record in tracked(missing, len(missing), "folding by RhoFold+"):
        _predict(record, out, program)
    folded = [
        FastaRecord(r.name, r.sequence, read_ct(out / f"{r.name}.ct", r.sequence), False) for r in records
    ]
    fasta = write_fasta(out / "secondary_structure.fasta", folded)
    return [*(out / f"{record.name}.pdb" for record in records), fasta]


def read_ct(path: Path, sequence: str) -> str:
    """The base pairs of a connectivity table as dot-bracket, those that cross earlier ones left out.

    Raises:
        InputError: for a file that is no such table, or one of another sequence.
    """
    check_file(str(path), "a connectivity table")
    rows = [line.split() for line in path.read_text(errors="replace").splitlines()[1:] if line.strip()]
    try:
        letters = "".join(row[1] for row in rows)
        pairs = np.array([int(row[4]) - 1 for row in rows])
    except (IndexError, ValueError):
        raise InputError(f"{path}: is no connectivity table; delete it with its structure") from None
    if letters.upper().replace("T", "U") != sequence:
        raise InputError(f"{path}: is of another sequence; delete it with its structure")
    places = np.arange(len(pairs))
    wrong = (pairs >= len(pairs)) | ((pairs >= 0) & (pairs[pairs % len(pairs)] != places))
    if wrong.any():
        raise InputError(f"{path}: the partner of nucleotide {int(wrong.argmax()) + 1} has another partner")
    return dot_bracket(without_crossings(pairs))


def _predict(record: FastaRecord, out: Path, program: RhoFold) -> None:
    with TemporaryDirectory() as name:
        work = Path(name)
        asked = write_fasta(work / "sequence.fasta", [FastaRecord(record.name, record.sequence, None, False)])
        _run(record.name, asked, work, program)
        found = work / "unrelaxed_model.pdb"
        # Checks that the answer belongs to the sequence.
        read_structure(found.read_bytes(), str(found), record.name).within(record.sequence)
        # The structure last: it says that the pair is complete.
        for source, suffix in ((work / "ss.ct", "ct"), (found, "pdb")):
            with replacing(out / f"{record.name}.{suffix}") as partial:
                partial.write_bytes(source.read_bytes())


def _run(name: str, sequence: Path, work: Path, program: RhoFold) -> None:
    folder = program.folder.resolve()
    weights = folder / _WEIGHTS if program.weights is None else program.weights.resolve()
    command = [program.python, str(folder / "inference.py"), "--input_fas", str(sequence)]
    command += ["--single_seq_pred", "True", "--output_dir", str(work), "--ckpt", str(weights)]
    command += ["--relax_steps", "0", "--device", program.device]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise InputError(f"{program.python}: cannot be run ({error.strerror}); give --python") from error
    missing = [file for file in ("unrelaxed_model.pdb", "ss.ct") if not (work / file).is_file()]
    if done.returncode or missing:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        reason = " / ".join(said[-_SHOWN:]) or f"wrote no {' and no '.join(missing)}"
        raise InputError(f"{name}: RhoFold ended with code {done.returncode}: {reason}")
