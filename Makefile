# Everything here needs git, make and Python 3.11 or later; what is installed goes into .venv and nowhere else.
#
#   PYTHON        the interpreter that .venv is made from      make demo PYTHON=python3.12
#   WORKERS       processes that tests run in                  make test WORKERS=8
#   PYTEST_ARGS   more options for pytest                      make test PYTEST_ARGS='-k normaliser'
#   BENCH_ARGS    options for benchmarks.convlstm              make bench BENCH_ARGS='--sweep'

PYTHON ?= python3
WORKERS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
CORE := $(VENV)/.installed-core
DEV := $(VENV)/.installed-dev
BENCH := $(VENV)/.installed-bench
PYTHON_CODE := $(wildcard src tests examples docs benchmarks)

.PHONY: help demo test bench bench-loading check format clean
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(CORE) ## train and judge a forecaster on moving digits, about five minutes on two cores
	$(BIN)/framecast demo

# One thread for each worker: more would only fight over the cores.
test: $(DEV) ## run all tests
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile $(PYTEST_ARGS)

# Times mean something on a quiet machine alone: run nothing beside it.
bench: $(BENCH) ## measure ConvLSTM against its peers on this machine's CPU, about a quarter of an hour
	$(BIN)/python -m benchmarks.convlstm $(BENCH_ARGS)

bench-loading: $(DEV) ## measure decoding, prepared stores and the digits generator, some minutes
	$(BIN)/python -m benchmarks.decoding
	$(BIN)/python -m benchmarks.stores
	$(BIN)/python -m benchmarks.generator

check: $(DEV) ## formatting, lint, types and the arrows between rooms
	$(BIN)/ruff format --check $(PYTHON_CODE)
	$(BIN)/ruff check $(PYTHON_CODE)
	$(BIN)/basedpyright
	$(BIN)/pytest tests/test_architecture.py

format: $(DEV) ## lay out the code and mend what ruff can mend
	$(BIN)/ruff check --fix $(PYTHON_CODE)
	$(BIN)/ruff format $(PYTHON_CODE)

clean: ## remove caches and build output; .venv, runs and data stay
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis
	find $(PYTHON_CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps, so that a second call installs nothing.

$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || { \
		echo "framecast needs Python 3.11 or later, and there is no '$(PYTHON)'; install it, or name yours: make PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "framecast needs Python 3.11 or later, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1); name a newer one: make PYTHON=python3.12" >&2; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(CORE): pyproject.toml constraints.txt | $(VENV)/.created
	@echo "Installing framecast into $(VENV); the first time this takes some minutes."
	$(PIP) --editable .
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(VENV)/.created
	@echo "Installing framecast and its development tools into $(VENV); the first time this takes some minutes."
	$(PIP) --editable '.[dev]'
	@touch $(CORE) $@

$(BENCH): pyproject.toml constraints.txt | $(VENV)/.created
	@echo "Installing framecast and the peers of its benchmarks into $(VENV); this takes some minutes."
	$(PIP) --editable '.[bench]'
	@touch $(CORE) $@
