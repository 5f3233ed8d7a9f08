"""Data that somebody has to fetch: which files, where they are looked for, and what to do without them."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geometric_hyena.data.download import cache_directory
from geometric_hyena.errors import InputError

Values = Mapping[str, Any]  # options of a recipe, nested as in its configuration file

VARIABLE = "GHYENA_DATA"


class MissingDataError(InputError):
    """Data that are not at hand; `general` says so without the folders of this machine, for pages."""

    def __init__(self, text: str, general: str | None = None):
        super().__init__(text)
        self.general = general or text


@dataclass(frozen=True)
class Places:
    """Where data are, as the command line says.

    Attributes:
        folder: `--data DIR`; None: `$GHYENA_DATA`, if that is set.
        given: `--data.NAME PATH`, by name of the source.
    """

    folder: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)

    def data_folder(self) -> Path | None:
        """The folder with the data of all sources."""
        chosen = self.folder or os.environ.get(VARIABLE)
        return Path(chosen).expanduser() if chosen else None


@dataclass(frozen=True)
class Source:
    """The files of a data set, in a folder of their own below the folder of all data.

    Attributes:
        name: as in `ghyena data NAME`.
        title: in words.
        folder: below the folder of all data, and below the cache directory where they are downloaded there.
        files: their names.
        options: from their paths to the options of the recipe.
        downloaded: whether `ghyena data NAME` downloads them into the cache directory.
    """

    name: str
    title: str
    folder: str
    files: tuple[str, ...]
    options: Callable[[Sequence[str]], Values]
    downloaded: bool = False

    def locate(self, places: Places) -> Values:
        """The options that name the files.

        Raises:
            MissingDataError: where they are not at hand, with what to fetch and where to put it.
            InputError: where a path was given and they are not there.
        """
        if self.name in places.given:
            given = Path(places.given[self.name]).expanduser()
            paths = [given] if given.is_file() and len(self.files) == 1 else self._in(given)
            absent = [path for path in paths if not path.is_file()]
            if absent:
                raise InputError(f"--data.{self.name}: there is no file {absent[0]}; check the path")
            return self._values(paths)
        folder = places.data_folder()
        candidates = [] if folder is None else [folder / self.folder]
        if self.downloaded:
            candidates.append(cache_directory() / self.folder)
        for candidate in candidates:
            if all(path.is_file() for path in self._in(candidate)):
                return self._values(self._in(candidate))
        anywhere = f"DIR/{self.folder}"
        here = anywhere if folder is None else str(folder / self.folder)
        raise MissingDataError(self._advice(here), self._advice(anywhere))

    def _in(self, folder: Path) -> list[Path]:
        return [folder / name for name in self.files]

    def _values(self, paths: Sequence[Path]) -> Values:
        return self.options([str(path.resolve()) for path in paths])

    def _advice(self, where: str) -> str:
        if self.downloaded:
            return f"{self.title} is not at hand: download it with ghyena data {self.name}"
        files = " and ".join(self.files)
        return (
            f"{self.title} is not at hand: put {files} (ghyena data {self.name} --help says where to get it) "
            f"into {where}, and give --data DIR or set {VARIABLE}; or give --data.{self.name} FILE"
        )


def _one_file(paths: Sequence[str]) -> Values:
    """Options of the recipes whose data are one file."""
    return {"data": {"path": paths[0]}}


OPEN_VACCINE = Source("open-vaccine", "Open Vaccine", "open_vaccine", ("train.json",), _one_file)
RIBONANZA = Source("ribonanza", "Ribonanza", "ribonanza", ("train_data.csv",), _one_file)
TC_RIBO = Source("tc-ribo", "Tc-Riboswitches", "tc_ribo", ("Tc-Riboswitches.csv",), _one_file)
ADK_EQUILIBRIUM = Source(
    "adk-equilibrium",
    "The equilibrium trajectory of adenylate kinase",
    "adk_equilibrium",
    ("adk4AKE.psf", "1ake_007-nowater-core-dt240ps.dcd"),
    lambda paths: {"data": {"topology": paths[0], "trajectory": [paths[1]]}},
    downloaded=True,
)
SOURCES = (OPEN_VACCINE, RIBONANZA, TC_RIBO, ADK_EQUILIBRIUM)
