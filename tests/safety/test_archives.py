"""Archives are read in place: nothing of them lands on the disk, whatever their members are called."""

import io
import tarfile
import zipfile

import pytest

pytest.importorskip("biotite")

from fuzz.starts import rna_files
from geometric_hyena.data.rna import structure_files
from geometric_hyena.data.rna.structure_files import StructureFiles
from geometric_hyena.errors import InputError

NAMES = ("../../evil.pdb", "a/../../evil2.pdb", "C:\\evil3.pdb", "./-evil4.pdb")


@pytest.fixture(scope="module")
def content():
    return rna_files(".pdb")["hairpin.pdb"]


def zip_of(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def tar_of(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_no_member_is_written_anywhere(make, content, tmp_path, monkeypatch):
    home = tmp_path / "deep" / "home"
    home.mkdir(parents=True)
    monkeypatch.chdir(home)
    names = [*NAMES, str(tmp_path / "absolute-evil.pdb")]
    path = make(home / "all.bin", [(name, content) for name in names])
    opened = []
    monkeypatch.setattr(tarfile.TarFile, "extractall", lambda *a, **k: opened.append(a))
    monkeypatch.setattr(zipfile.ZipFile, "extractall", lambda *a, **k: opened.append(a))
    before = sorted(tmp_path.rglob("*"))
    files = StructureFiles(path)
    for name in files.members:
        assert len(files.read(name)) > 0
    assert len(files) == len(names)
    assert sorted(tmp_path.rglob("*")) == before
    assert not opened
    assert not any(structure_files.Path(name).exists() for name in names)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_of_a_tar_are_no_structures(kind, content, tmp_path):
    secret = tmp_path / "secret.pdb"
    secret.write_bytes(content)
    with tarfile.open(tmp_path / "all.tar", "w") as archive:
        member = tarfile.TarInfo("link.pdb")
        member.type, member.linkname = kind, str(secret)
        archive.addfile(member)
    with pytest.raises(InputError, match="holds no structure"):
        StructureFiles(tmp_path / "all.tar")


def test_a_link_of_a_zip_is_the_text_that_it_holds(content, tmp_path):
    secret = tmp_path / "secret.pdb"
    secret.write_bytes(content)
    link = zipfile.ZipInfo("link.pdb")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr(link, str(secret))
    with pytest.raises(InputError, match="link"):
        StructureFiles(tmp_path / "all.zip").read("link")


@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_a_member_that_unpacks_to_more_than_any_structure(make, tmp_path, monkeypatch):
    monkeypatch.setattr(structure_files, "_LARGEST", 1 << 20)
    path = make(tmp_path / "all.bin", [("bomb.pdb", bytes(8 << 20))])
    assert path.stat().st_size < 1 << 16
    with pytest.raises(InputError, match=r"bomb\.pdb is larger than 1 MB"):
        StructureFiles(path).read("bomb")
