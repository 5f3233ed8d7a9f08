# Everything that a fresh clone needs; the virtual environment is made by the first target that wants it.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help demo test test-all test-gpu lint format docs bench clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | column -t -s "$$(printf '\t')"

# torch first and pinned: asked for by a dependency alone, pip would fetch the newest build with CUDA.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		-e '.[train,bio,native,baselines,dev]'
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

clean:  ## remove the virtual environment and caches
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis build dist src/*.egg-info docs/_build docs/gallery
