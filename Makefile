# Everything that a fresh clone needs; the virtual environment is made by the first target that wants it.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help demo test test-all test-distributed test-gpu gpu-evidence test-lowest lint format docs bench package shipped clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | column -t -s "$$(printf '\t')"

# torch first and pinned: asked for by a dependency alone, pip would fetch the newest build with CUDA.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		-e '.[train,bio,native,baselines,hub,dev]'
	touch $@

demo: $(READY)  ## train on a protein's motion, test on a trajectory the model never saw, show it
	rm -rf runs/demo
	$(BIN)/ghyena train protein-md --out runs/demo
	$(BIN)/ghyena predict runs/demo $$($(BIN)/python -c "from MDAnalysisTests.datafiles import PSF, DCD2; print(PSF, DCD2)") \
		--stride 10

test: $(READY)  ## tests, under 15 minutes on 2 cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

test-all: $(READY)  ## tests, the slow ones too
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m 'not gpu'

test-gpu: $(READY)  ## tests on a CUDA device
	$(BIN)/python -m pytest -m gpu tests/gpu

# A machine with a GPU often has a PyTorch of its own: .venv is made for this only where there is no GPU.
SEES_GPU := -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null
gpu-evidence:  ## on a GPU: tests, Figure 1, recall, Tables 1 and 3, into results/gpu (ARGS="--parts figure1")
	@if $(BIN)/python $(SEES_GPU); then python=$(BIN)/python; \
	elif $(PYTHON) $(SEES_GPU); then python=$(PYTHON); \
	else $(MAKE) --no-print-directory $(READY) && python=$(BIN)/python || exit 1; fi; \
	PYTHONPATH=src $$python -m geometric_hyena.gpu_evidence $(ARGS)

test-distributed: $(READY)  ## tests on several processes of this machine, the slow ones too
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'not gpu' tests/distributed

lint: $(READY)  ## ruff and pyright
	$(BIN)/ruff check src tests examples docs
	$(BIN)/ruff format --check src tests examples docs/conf.py docs/_extensions
	$(BIN)/pyright

format: $(READY)  ## let ruff put the code in order
	$(BIN)/ruff check --fix src tests examples docs
	$(BIN)/ruff format src tests examples docs/conf.py docs/_extensions

docs: $(READY)  ## these pages with their gallery, into docs/_build/html
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo look at: docs/_build/html/index.html

bench: $(READY)  ## benchmarks: ratios side by side, into results/benchmarks
	for name in operator messages block; do $(BIN)/ghyena benchmark $$name || exit 1; done
	$(BIN)/ghyena benchmark scaling --limit 20
	$(BIN)/ghyena benchmark scaling --models all --limit 20

package: $(READY)  ## wheel and sdist, each installed into an empty environment and used there
	$(BIN)/python -m pip install --quiet --disable-pip-version-check build
	rm -rf build dist
	$(BIN)/python -m build --quiet
	PYTHON=$(PYTHON) sh tests/packaging/try_package.sh dist/*.whl dist/*.tar.gz

test-lowest:  ## tests of the core with the oldest versions that it supports
	PYTHON=$(PYTHON) sh tests/packaging/test_lowest.sh

shipped: demo  ## the model that comes with the package, from the demo's run, with its card
	rm -rf src/geometric_hyena/pretrained/protein-md-demo
	$(BIN)/ghyena publish runs/demo --out src/geometric_hyena/pretrained/protein-md-demo --note "The adenylate kinase transitions of the Python package MDAnalysisTests, under that package's licence, are not part of this folder. The weights are under that of geometric-hyena, Apache-2.0."

clean:  ## remove the virtual environment and caches
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis build dist src/*.egg-info docs/_build docs/gallery
