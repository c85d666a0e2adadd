# Everything runs in a virtual environment of its own (.venv) from the pinned versions in constraints.txt.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export TRIAD_HOME ?= $(CURDIR)/.triad
export OMP_NUM_THREADS ?= 1
export DO_NOT_TRACK = true
export PREFECT_SERVER_ANALYTICS_ENABLED = false

.DEFAULT_GOAL := help
.PHONY: help demo test lint format types bench ui clean

help: ## list what you can do here
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(VENV)/.product: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.develop: $(VENV)/.product
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/.product ## train, evaluate and render on the bundled corpus, tracked and orchestrated
	$(BIN)/triad pipeline --minutes 2.5 --bars 32 --seed 1 -o out

test: $(VENV)/.develop ## run all tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

lint: $(VENV)/.develop ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.develop ## mend style and formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.develop ## check types
	$(BIN)/mypy

bench: $(VENV)/.develop ## measure the environment and the learner beside their peers
	$(BIN)/python -m benchmarks

ui: $(VENV)/.product ## open the MLflow pages of your runs
	$(BIN)/triad ui

clean: ## remove the virtual environment and everything made here
	rm -rf $(VENV) .triad out build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
