"""Imports go one way: operators <- geometry, layers <- models; data apart; ... <- training <- cli."""

import ast
from pathlib import Path

import pytest

import geometric_hyena

ROOT = Path(geometric_hyena.__file__).parent

# room: the rooms it may import from (besides itself and the leaves below)
ALLOWED = {
    "operators": set(),
    "geometry": {"operators"},
    "layers": {"operators", "geometry"},
    "models": {"operators", "geometry", "layers"},
    "data": {"geometry"},
    "distributed": {"operators", "geometry", "layers", "models"},
    "evaluation": {"models", "data", "geometry"},
    "report": set(),
    "streaming": {"operators", "geometry", "layers", "models"},
    "training": {"models", "data", "evaluation", "geometry", "report", "streaming"},
    "reproduce": {
        "training",
        "data",
        "models",
        "report",
        "benchmarks",
        "operators",
        "geometry",
        "layers",
        "testing",
    },
    "cli": {"training", "evaluation", "report", "data", "models", "benchmarks", "reproduce", "hub"},
    "testing": {"geometry"},
    "export": {"geometry", "operators"},
    "hub": {"geometry", "models", "hub_card"},
    "hub_card": set(),
    "__init__": {"geometry", "models"},
    "benchmarks": {
        "operators",
        "geometry",
        "layers",
        "models",
        "distributed",
        "streaming",
        "report",
        "testing",
    },
    "gpu_evidence": {"operators", "layers", "benchmarks", "report", "cli"},
    "errors": set(),
    "version": set(),
    "files": set(),
    "memory": set(),
    "processors": set(),
    "provenance": set(),
}
LEAVES = {"errors", "version", "files", "memory", "processors", "provenance"}


def room_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[0]


def imported_rooms(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "geometric_hyena":
                names = [f"geometric_hyena.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "geometric_hyena" and len(parts) > 1:
                yield parts[1]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path):
    room = room_of(path)
    allowed = ALLOWED[room] | {room} | LEAVES
    wrong = sorted(set(imported_rooms(path)) - allowed)
    assert not wrong, f"{path.relative_to(ROOT)} imports from {wrong}; {room} may import {sorted(allowed)}"


# package: the only files that may import it
OPTIONAL = {
    "MDAnalysis": {"data/protein_md/mdanalysis_reader.py"},
    "MDAnalysisTests": {"data/protein_md/mdanalysis_reader.py"},
    "biotite": {
        "data/protein_md/mmcif.py",
        "data/protein_md/prediction_files.py",
        "data/rna/builder/ideal_residues.py",
        "data/rna/structure_reader.py",
    },
    "RNA": {"data/rna/folding.py"},
    "sklearn": {"evaluation/rna_baselines.py"},
    "torch_geometric": {"geometry/graph.py"},
    "pooch": {"data/download.py"},
    "jsonargparse": {"training/config_parser.py"},
    "e3nn": {"operators/clebsch_gordan.py"},
    "equiformer_pytorch": {"models/baselines/equiformer.py"},
    "torchmdnet": {"models/baselines/torchmd_net.py"},
    "huggingface_hub": {"hub.py"},
    "VN_transformer": {"models/baselines/vn_transformer.py"},
    "egnn_pytorch": {"benchmarks/egnn_package.py"},
    "se3_transformer_pytorch": {"benchmarks/se3_transformer_package.py"},
}


@pytest.mark.parametrize("package", OPTIONAL)
def test_optional_packages_are_imported_in_leaf_files(package):
    users = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [module or ""]
            if any(name.split(".")[0] == package for name in names):
                users.add(str(path.relative_to(ROOT)))
    assert users == OPTIONAL[package]


def test_core_needs_no_optional_package():
    """The package itself imports with torch, numpy, scipy and safetensors alone."""
    import subprocess
    import sys

    blocked = [*OPTIONAL, "numba", "triton", "lightning", "matplotlib", "rich", "yaml", "docstring_parser"]
    code = (
        f"import sys\nfor name in {blocked!r}: sys.modules[name] = None\n"
        "import geometric_hyena, geometric_hyena.testing, geometric_hyena.operators, geometric_hyena.cli\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
