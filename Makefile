# make demo    set up, then the main job on the built-in graph
# make test    everything that CI runs
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test lint types unit sanitize docs bench clean setup setup-dev

setup: $(VENV)/.installed
setup-dev: $(VENV)/.installed-dev

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "graphrep needs Python 3.10 or newer."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Could not make a virtual environment; on Debian: apt install python3-venv."; rm -rf $(VENV); exit 1; }

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt CMakeLists.txt $(wildcard graphrep/csrc/*.?pp graphrep/csrc/*/*.?pp)
	$(PIP) install --quiet -c constraints.txt -e '.[viz]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --quiet -c constraints.txt 'graphrep[dev]'  # it is there: nothing is built again
	@touch $@

demo: setup
	$(BIN)/python experiments/demo.py --out out

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(wildcard graphrep/csrc/*.?pp graphrep/csrc/*/*.?pp tests/csrc/*.?pp)

types: setup-dev
	$(BIN)/mypy

unit: setup-dev
	$(BIN)/python -m pytest

# The C++ kernels alone, under the sanitizers of addresses, undefined behavior and threads.
sanitize:
	$(MAKE) -s -j2 -C tests/csrc BUILD=$(CURDIR)/build/sanitize

test: lint types unit sanitize

docs: setup-dev
	$(BIN)/python -m sphinx -W -b html docs docs/_build/html

clean:
	rm -rf $(VENV) build out docs/_build
