"""Structures in a folder, an archive or a single file, found by name and read when asked for."""

import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from geometric_hyena.data.rna.structure import RnaStructure
from geometric_hyena.data.rna.structure_reader import SUFFIXES, read_structure
from geometric_hyena.errors import InputError

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
        try:
            if zipfile.is_zipfile(self.source):
                with zipfile.ZipFile(self.source) as archive:
                    return [m.filename for m in archive.infolist() if not m.is_dir()]
            if tarfile.is_tarfile(self.source):
                with tarfile.open(self.source) as archive:
                    return [m.name for m in archive if m.isfile()]
        except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
            raise InputError(f"{self.source}: is a broken archive ({error}); copy it again") from error
        return [self.source.name]

    def _content(self, member: str) -> bytes:
        if self.source.is_dir():
            return (self.source / member).read_bytes()
        try:
            if zipfile.is_zipfile(self.source):
                with zipfile.ZipFile(self.source) as archive, archive.open(member) as file:
                    return self._bounded(file.read(_LARGEST + 1), member)
            if tarfile.is_tarfile(self.source):
                with tarfile.open(self.source) as archive:
                    file = archive.extractfile(member)
                    assert file is not None
                    return self._bounded(file.read(_LARGEST + 1), member)
        except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
            raise InputError(f"{self.source}: {member} is broken ({error}); copy it again") from error
        return self.source.read_bytes()

    def _bounded(self, content: bytes, member: str) -> bytes:
        if len(content) > _LARGEST:
            raise InputError(f"{self.source}: {member} is larger than {_LARGEST >> 20} MB, which no RNA is")
        return content
