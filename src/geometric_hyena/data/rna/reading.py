"""The molecules that a configuration asks for, read by the reader of its data set."""

import dataclasses

import numpy as np

from geometric_hyena.data.rna.config import (
    OpenVaccineConfig,
    RibonanzaConfig,
    RnaConfig,
    RnaTableConfig,
    TcRiboConfig,
    with_known_targets,
)
from geometric_hyena.data.rna.open_vaccine import PAPER_TARGETS, load_open_vaccine
from geometric_hyena.data.rna.records import RnaData
from geometric_hyena.data.rna.ribonanza import load_ribonanza
from geometric_hyena.data.rna.structure_files import StructureFiles
from geometric_hyena.data.rna.tables import load_table
from geometric_hyena.data.rna.tc_ribo import load_tc_ribo
from geometric_hyena.errors import InputError


def read_molecules(config: RnaConfig, files: StructureFiles | None) -> tuple[RnaData, int]:
    """All molecules, and how many of them are to be split; those of `test_path` come behind them.

    Raises:
        InputError: for files and rows that cannot be used, or where the two files measure different things.
    """
    data = _some(_read(config, files), config)
    if config.test_path is None:
        return data, len(data)
    asked = with_known_targets(config, data.target_names, data.level)
    more = _read(dataclasses.replace(asked, **{config.source: config.test_path}), files)
    joined = dataclasses.replace(
        data,
        records=data.records + more.records,
        notes=data.notes + more.notes,
        skipped=data.skipped + more.skipped,
    )
    return joined, len(data)


def _read(config: RnaConfig, files: StructureFiles | None) -> RnaData:
    skip = config.skip_invalid
    if isinstance(config, OpenVaccineConfig):
        targets = tuple(config.targets) or PAPER_TARGETS
        return load_open_vaccine(config.file, targets=targets, sn_filter=config.sn_filter, skip_invalid=skip)
    if isinstance(config, RibonanzaConfig):
        return load_ribonanza(
            config.file,
            dataset=config.dataset,
            smallest=config.smallest,
            largest=config.largest,
            skip_invalid=skip,
        )
    if isinstance(config, TcRiboConfig):
        return load_tc_ribo(config.file, skip_invalid=skip)
    if not isinstance(config, RnaTableConfig):
        raise TypeError(f"no data set has a {type(config).__name__}")
    data = load_table(config.file, targets=tuple(config.targets), structures=files, skip_invalid=skip)
    if config.level not in (None, data.level):
        raise InputError(f"{config.file}: has labels per {data.level}, data.level is {config.level}")
    return data


def _some(data: RnaData, config: RnaConfig) -> RnaData:
    """As many molecules as the configuration asks for; fewer of the same data are among more."""
    if not 0 < config.molecules < len(data):
        return data
    order = np.random.default_rng(config.split_seed).permutation(len(data))
    places = np.sort(order[: config.molecules])
    splits = data.splits and {
        name: np.flatnonzero(np.isin(places, part)) for name, part in data.splits.items()
    }
    records = tuple(data.records[place] for place in places)
    return dataclasses.replace(data, records=records, splits=splits)
