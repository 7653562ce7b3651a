# TickerML on a fresh Linux or macOS machine: `make paper` and `make test` need Python 3.11+ and make, nothing else.
# What they need is installed into .venv, once; a second call starts at once. On Windows see README.md.

SOURCE ?= synthetic
JOBS ?= auto
SOAK ?=
VENV := .venv
PY := $(VENV)/bin/python
TICKERML := $(VENV)/bin/tickerml
# The first interpreter that is new enough; `make PYTHON=/path/to/python3.12 ...` names another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help paper test test-all lint format bench soak docs clean distclean
.DELETE_ON_ERROR:

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

paper: $(VENV)/.installed  ## paper trade: a built-in synthetic market, or SOURCE=path (a file, a folder, a store)
	$(TICKERML) paper --source "$(SOURCE)"

test: $(VENV)/.installed-dev  ## all quick tests
	$(PY) -m pytest -n $(JOBS) -m "not slow"

test-all: $(VENV)/.installed-dev  ## all tests, also those that take minutes
	$(PY) -m pytest -n $(JOBS)

# No cache: a file's verdict also depends on which modules lie elsewhere.
lint: $(VENV)/.installed-dev  ## style, types, and which room may import which
	$(VENV)/bin/ruff check --no-cache .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache > $(VENV)/imports.log 2>&1 || { cat $(VENV)/imports.log; exit 1; }

format: $(VENV)/.installed-dev  ## write the style into the files
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.installed-dev  ## measure everything against its peers; rewrites benchmarks/RESULTS.md
	$(PY) benchmarks/run.py

soak: $(VENV)/.installed-dev  ## a night of tests: kills, money, limits, mutants, new seeds; goes on where it was broken off
	$(PY) tools/soak.py $(SOAK)

docs: $(VENV)/.installed-dev  ## rewrite the pages that are made from the source: settings, errors, limits
	$(PY) tools/pages.py

clean:  ## remove what tests and tools left; .venv and runs stay
	rm -rf build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## remove .venv too
	rm -rf $(VENV)

$(PY):
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer was found; install one, or: make PYTHON=/path/to/python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

# Also met by an installation with the development tools, so that `make test` and then `make paper` installs once.
$(VENV)/.installed: pyproject.toml constraints.txt | $(PY)
	@echo "installing TickerML into $(VENV): once, a minute or two"
	$(PY) -m pip install --disable-pip-version-check -e '.[plot]' -c constraints.txt
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(PY)
	@echo "installing TickerML and its development tools into $(VENV): once, a minute or two"
	$(PY) -m pip install --disable-pip-version-check -e '.[plot,dev]' -c constraints.txt
	@touch $@ $(VENV)/.installed
