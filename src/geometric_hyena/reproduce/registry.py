"""Tables, sweeps and studies by name."""

from geometric_hyena.errors import InputError
from geometric_hyena.reproduce import nbody, recall, runtime, studies
from geometric_hyena.reproduce.study import Study
from geometric_hyena.reproduce.sweep import Sweep
from geometric_hyena.reproduce.tables.paper_table import PaperTable
from geometric_hyena.reproduce.tables.table1 import TABLE1
from geometric_hyena.reproduce.tables.table2 import TABLE2
from geometric_hyena.reproduce.tables.table3 import TABLE3
from geometric_hyena.reproduce.tables.table4 import TABLE4
from geometric_hyena.reproduce.tables.table5 import TABLE5

TABLES: dict[str, PaperTable] = {table.name: table for table in (TABLE1, TABLE2, TABLE3, TABLE4, TABLE5)}
SWEEPS: dict[str, Sweep] = {
    sweep.name: sweep for sweep in (recall.LENGTH, recall.WIDTH, recall.VOCABULARY, nbody.NBODY)
}
STUDIES: dict[str, Study] = {study.name: study for study in (*studies.ALL, *runtime.ALL)}


def entries() -> dict[str, PaperTable | Sweep | Study]:
    """All of them."""
    return {**TABLES, **SWEEPS, **STUDIES}


def find_entry(name: str) -> PaperTable | Sweep | Study:
    """The table, sweep or study of that name.

    Raises:
        InputError: listing those there are.
    """
    if name not in entries():
        raise InputError(f"reproduce: there is no '{name}'; choose one of: {', '.join(entries())}")
    return entries()[name]


def place_of(name: str) -> str:
    """The folder of an entry below that of all results; in one folder runs that are alike are shared."""
    shared = {**dict.fromkeys(TABLES, "tables"), **dict.fromkeys(STUDIES, "studies")}
    return shared.get(name, name)
