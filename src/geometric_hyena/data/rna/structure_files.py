"""Structures in a folder, an archive or a single file, found by name and read when asked for."""

import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from geometric_hyena.data.protein_md.files import check_file, first_line
from geometric_hyena.data.rna.structure import RnaStructure
from geometric_hyena.data.rna.structure_reader import SUFFIXES, read_structure
from geometric_hyena.errors import InputError, shown

_LARGEST = 512 << 20  # bytes of one structure; more is no structure but a trap


class StructureFiles:
    """The structures of a folder (with the folders in it), of a zip or tar archive, or of one file.

    Archives are read in place: nothing is unpacked, so no path in them can lead anywhere.

    Args:
        source: path of the folder, archive or file.

    Raises:
        InputError: where there is no structure, or two of the same name.
    """

    def __init__(self, source: str | Path):
        self.source = Path(source).expanduser()
        if not self.source.exists():
            raise InputError(f"{self.source}: no such file or folder; check the path of the structures")
        members = self._members()
        self.members: dict[str, str] = {}
        for member in sorted(m for m in members if PurePosixPath(m).suffix.lower() in SUFFIXES):
            name = PurePosixPath(member).stem
            if name in self.members:
                raise InputError(
                    f"{self.source}: {self.members[name]} and {member} have the same name; rename one"
                )
            self.members[name] = member
        if not self.members:
            raise InputError(f"{self.source}: holds no structure; expected files {', '.join(SUFFIXES)}")

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def __len__(self) -> int:
        return len(self.members)

    def read(self, name: str) -> RnaStructure:
        """The structure of that name (its file name without suffix).

        Raises:
            InputError: where there is none, or as `read_structure`.
        """
        if name not in self.members:
            raise InputError(f"{self.source}: holds no structure named {name} ({name}.pdb, {name}.cif, ...)")
        return read_structure(self._content(self.members[name]), self._label(name), name)

    def _label(self, name: str) -> str:
        member = self.members[name]
        return (
            str(self.source / member)
            if self.source.is_dir()
            else f"{self.source}" + ("" if self.source.name == member else f":{member}")
        )

    def _members(self) -> list[str]:
        if self.source.is_dir():
            return [str(p.relative_to(self.source).as_posix()) for p in self.source.rglob("*") if p.is_file()]
        check_file(str(self.source), "the structures")
        with self._unbroken("it"):
            if zipfile.is_zipfile(self.source):
                with zipfile.ZipFile(self.source) as archive:
                    return [m.filename for m in archive.infolist() if not m.is_dir()]
            if tarfile.is_tarfile(self.source):
                with tarfile.open(self.source) as archive:
                    # Links of an archive are not followed.
                    return [m.name for m in archive if m.isfile() and self._check_size(m.size, m.name)]
        return [self.source.name]

    def _content(self, member: str) -> bytes:
        if self.source.is_dir():
            return self._whole(self.source / member)
        with self._unbroken(member):
            if zipfile.is_zipfile(self.source):
                with zipfile.ZipFile(self.source) as archive, archive.open(member) as file:
                    return self._bounded(file, member)
            if tarfile.is_tarfile(self.source):
                with tarfile.open(self.source) as archive:
                    file = archive.extractfile(member)
                    assert file is not None
                    return self._bounded(file, member)
        return self._whole(self.source)

    @contextmanager
    def _unbroken(self, what: str) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        except Exception as error:  # archives and their compressions raise anything where they are broken
            raise InputError(
                f"{self.source}: {shown(what)} is broken or cannot be unpacked ({first_line(error)}); "
                f"copy it again"
            ) from error

    def _whole(self, path: Path) -> bytes:
        with self._unbroken(path.name):
            self._check_size(path.stat().st_size, path.name)
            return path.read_bytes()

    def _bounded(self, file: IO[bytes], member: str) -> bytes:
        # What an archive says of a size need not be so.
        content = file.read(_LARGEST + 1)
        self._check_size(len(content), member)
        return content

    def _check_size(self, size: int, member: str) -> bool:
        if size > _LARGEST:
            raise InputError(
                f"{self.source}: {shown(member)} is larger than {_LARGEST >> 20} MB, which no RNA is; "
                f"leave it out"
            )
        return True
