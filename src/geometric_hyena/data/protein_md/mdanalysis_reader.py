"""MDAnalysis behind a few functions whose errors say in one line what is wrong with which file."""

import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.io import netcdf_file

from geometric_hyena.data.protein_md.announced import check_announced
from geometric_hyena.data.protein_md.atoms import AtomTable, atom_table
from geometric_hyena.data.protein_md.files import check_file, first_line, translated
from geometric_hyena.data.protein_md.mmcif import SUFFIXES, read_mmcif
from geometric_hyena.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    from MDAnalysis import Universe

# Warnings of MDAnalysis that do not concern what is read here; any other is shown.
_HARMLESS = (
    "DCDReader currently makes independent timesteps",  # its copies of a frame; none is kept here
    "No coordinate reader found for",  # a topology without coordinates, as meant
    "Element information is missing",  # guessed here
    "Unknown element .* found for some atoms",  # likewise
    "Reader has no dt information",  # the interval it makes up is not used
    "1 A\\^3 CRYST1 record",  # no box is used
    "Empty box",  # likewise
    "(Found|Some) .*chainIDs",  # chains are optional
    "Cannot write lock/offset file",  # offsets of XTC frames are found again every time
    "Failed to (load|save) offsets file",
    "Reload offsets from trajectory",
)


def embedded_files() -> tuple[str, str, str]:
    """Topology, training and test trajectory of adenylate kinase: DIMS transitions of MDAnalysisTests."""
    try:
        from MDAnalysisTests.datafiles import DCD, DCD2, PSF
    except ImportError:
        raise MissingDependencyError("MDAnalysisTests", "bio", "the embedded protein trajectory") from None
    return str(PSF), str(DCD), str(DCD2)


def open_topology(path: str) -> "Universe":
    """Read a topology, and its coordinates where the file has some.

    Raises:
        InputError: where the file is missing, of an unknown format or broken.
        MissingDependencyError: where MDAnalysis is not installed.
    """
    try:
        import MDAnalysis
        from MDAnalysis.topology.core import get_parser_for
    except ImportError:
        raise MissingDependencyError("MDAnalysis", "bio", "reading structures and trajectories") from None

    check_file(path, "data.topology")
    if Path(path).suffix.lower() in SUFFIXES:
        return _universe_from_mmcif(path)
    try:
        names_atoms = get_parser_for(path).format != "MINIMAL"
    except ValueError:
        raise InputError(
            f"{path}: unknown topology format '{Path(path).suffix}'; "
            f"give a PSF, PDB, mmCIF, GRO, TPR or PRMTOP file"
        ) from None
    if not names_atoms:
        raise InputError(
            f"{path}: is a trajectory, which names no atoms; give its PSF, PDB or GRO as data.topology"
        )
    check_announced(path)
    with _quiet(), translated(path, "topology"), _half_built():
        # Masses are left out: those MDAnalysis guesses would pass for the topology's own.
        return MDAnalysis.Universe(path, to_guess=("types",))


def open_trajectory(universe: Any, topology: str, path: str) -> Any:
    """A reader of one trajectory file, checked against the atoms of its topology (a `Universe`).

    Raises:
        InputError: where the file is missing, broken, cut off or of another molecule.
    """
    from MDAnalysis.coordinates.core import get_reader_for

    check_file(path, "data.trajectory")
    count = universe.atoms.n_atoms
    try:
        reader_class = get_reader_for(path)
    except (ValueError, TypeError):
        raise InputError(
            f"{path}: unknown trajectory format '{Path(path).suffix}'; "
            f"give a DCD, XTC, TRR, NetCDF or PDB file"
        ) from None
    with _quiet():
        _probe(path)
        with translated(path, "trajectory"), _half_built():
            reader = reader_class(path, n_atoms=count)
    if reader.n_atoms != count:
        raise InputError(
            f"{path}: has {reader.n_atoms} atoms but the topology {topology} has {count}; "
            f"give the topology this trajectory was written with"
        )
    return reader


def read_frames(reader: Any, path: str, indices: np.ndarray) -> np.ndarray:
    """Coordinates of some atoms in all frames, (F, N, 3) float32 in angstrom, in one pass.

    Raises:
        InputError: where the file holds no frames, or fewer than it announces.
    """
    with _quiet():
        with translated(path, "trajectory"):
            count = len(reader)  # some formats are read to their end for it
        coordinates = np.empty((count, len(indices), 3), dtype=np.float32)
        done, reason = 0, ""
        try:
            for step in reader:
                coordinates[done] = step.positions[indices]
                done += 1
        except Exception as error:  # readers raise anything on a broken file
            reason = f" ({first_line(error)})"
    if count == 0:
        raise InputError(f"{path}: holds no frames")
    if done < count:
        raise InputError(
            f"{path}: breaks off at frame {done} of the {count} it announces{reason}; {_mend(done)}"
        )
    return coordinates


def frame_interval(reader: Any) -> float | None:
    """Time between frames in ps, None where the file does not say it."""
    # Not reader.dt, which says 1 ps where nothing is known.
    interval = reader.ts.data.get("dt") if len(reader) > 1 else None
    return None if interval is None else float(interval)


def select_atoms(universe: Any, topology: str, selection: str) -> tuple[np.ndarray, AtomTable]:
    """Indices (N,) and properties of the selected atoms; of alternative locations only the first is kept.

    Raises:
        InputError: where the selection cannot be understood or is empty.
    """
    total = universe.atoms.n_atoms
    group = None
    if selection.strip():
        try:
            with _quiet():
                group = universe.select_atoms(selection)
        except Exception as error:  # SelectionError, but also AttributeError, ValueError, ... of the parser
            raise InputError(
                f"data.selection: '{selection}' cannot be applied to {topology} ({first_line(error)}); "
                f"write it in MDAnalysis' selection language, such as 'backbone' or 'protein and not name H*'"
            ) from error
    if group is None or len(group) == 0:
        raise InputError(
            f"data.selection: '{selection}' selects none of the {total} atoms of {topology}; try 'backbone', "
            f"'nucleic' or 'all'"
        )
    table = atom_table(group)
    return table.indices, table


def _mend(frames: int) -> str:
    """What to do with a file of which so many frames are whole."""
    return f"copy it again or cut it to its first {frames} frames" if frames else "copy or write it again"


def _universe_from_mmcif(path: str) -> "Universe":
    """A universe from an mmCIF file; MDAnalysis' own reader would need another package."""
    import MDAnalysis

    read = read_mmcif(path)
    keys = list(zip(read.chain_ids, read.resids, read.icodes, read.resnames, strict=True))
    starts = [i for i, key in enumerate(keys) if i == 0 or key != keys[i - 1]]
    chains = list(dict.fromkeys(read.chain_ids))
    resindex = np.zeros(len(keys), dtype=int)
    resindex[starts[1:]] = 1
    universe = MDAnalysis.Universe.empty(
        len(keys),
        n_residues=len(starts),
        n_segments=len(chains),
        atom_resindex=np.cumsum(resindex),
        residue_segindex=[chains.index(read.chain_ids[i]) for i in starts],
    )
    universe.add_TopologyAttr("names", read.names)
    universe.add_TopologyAttr("elements", read.elements)
    universe.add_TopologyAttr("types", read.elements)
    universe.add_TopologyAttr("chainIDs", read.chain_ids)
    universe.add_TopologyAttr("resnames", read.resnames[starts])
    universe.add_TopologyAttr("resids", read.resids[starts])
    universe.add_TopologyAttr("segids", np.array(chains, dtype=object))
    universe.load_new(read.coordinates, order="fac")
    # A memory reader's interval of 1 ps is made up.
    universe.trajectory.ts.data.pop("dt", None)
    return universe


def _probe(path: str) -> None:
    """Check what a trajectory announces, and open a binary one at the lowest level.

    There broken and cut files fail cleanly; of the readers above that level, which may leave half-built
    objects, the DCD one counts whole frames and passes over a cut one in silence.
    """
    from MDAnalysis.lib.formats.libdcd import DCDFile
    from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile

    check_announced(path)
    suffix = Path(path).suffix.lower()
    if suffix == ".dcd":
        try:
            with DCDFile(path) as file:
                frames = len(file)
                # Not public: a version of MDAnalysis without them would cost this check only.
                sizes = [getattr(file, f"_{n}", None) for n in ("header_size", "firstframesize", "framesize")]
        except Exception as error:  # mostly OSError, but StopIteration, too
            raise InputError(
                f"{path}: is no DCD file or breaks off in its header ({first_line(error)}); {_mend(0)}"
            ) from error
        if frames == 0:
            raise InputError(f"{path}: holds no whole frame; {_mend(0)}")
        header, first, later = sizes
        if header is not None and first is not None and later is not None:
            whole = header + first + (frames - 1) * later
            if Path(path).stat().st_size > whole:
                raise InputError(
                    f"{path}: breaks off inside frame {frames} ({frames} whole frames before it); "
                    f"{_mend(frames)}"
                )
    elif suffix in (".xtc", ".trr"):
        with translated(path, "trajectory"), (XTCFile if suffix == ".xtc" else TRRFile)(path) as file:
            file.read()
    elif suffix in (".nc", ".ncdf"):
        with translated(path, "trajectory"):
            netcdf_file(path).close()


@contextmanager
def _half_built() -> Iterator[None]:
    """Let readers that fail while they are made be destroyed here, and in silence.

    Some ask in their destructor for what they do not have yet, and Python would print a traceback of that.
    """
    try:
        yield
    except Exception as error:
        hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
        try:
            cause: BaseException | None = error
            while cause is not None:
                traceback.clear_frames(cause.__traceback__)
                cause = cause.__cause__ or cause.__context__
        finally:
            sys.unraisablehook = hook
        raise


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        for message in _HARMLESS:
            warnings.filterwarnings("ignore", message=message)
        yield
