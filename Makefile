# make demo    set up, then the main job on the built-in graph
# make test    everything that CI runs
# make smoke   fit a few models with the built wheel, on every Python that is installed and with the lowest versions
# make wheel-test   the same with the wheel of a release, after a look into it and the sdist; both stay in DIST
# make bench   quick benchmarks that need no peer package, or a given one: make bench BENCH=spmm ARGS='--rounds 3'
# make fuzz    feed every reader with damaged files; CASES=20000 says how many
# make mutants change the code in many places and list the changes that no test notices; MODULES='...' limits it
VENV ?= .venv
PYTHON ?= python3
BENCH ?= contrastive heuristics neighbors sampling
BENCH_RESULTS ?= out/bench
DIST ?= out/dist
WORKERS ?= 2
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

CASES ?= 20000

.PHONY: fuzz demo test checks lint types unit sanitize smoke wheel-test docs bench mutants clean setup setup-dev

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
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# The C++ kernels alone, under the sanitizers of addresses, undefined behavior and threads.
sanitize:
	$(MAKE) -s -C tests/csrc BUILD=$(CURDIR)/build/sanitize

# The tests keep one core busy most of the time; the other one compiles and runs the sanitized kernels meanwhile. Threads
# that wait must therefore not spin.
test: setup-dev
	OMP_WAIT_POLICY=passive $(MAKE) -j2 unit checks

checks: lint types
	$(MAKE) sanitize

smoke: setup-dev
	$(BIN)/nox

wheel-test: setup-dev
	$(BIN)/python tests/wheel/run.py --out $(DIST)
	$(BIN)/nox -- $(DIST)/*.whl

# The results that the documentation shows are in experiments/results; BENCH_RESULTS=experiments/results updates them.
bench: setup-dev
	@set -e; for name in $(BENCH); do \
	  echo "== $$name"; \
	  GRAPHREP_RESULTS=$(BENCH_RESULTS) $(BIN)/python experiments/bench/$$name.py $(ARGS); \
	done

fuzz: setup-dev
	OMP_NUM_THREADS=1 $(BIN)/python -W ignore tests/fuzz/run.py --cases $(CASES) --counts tests/fuzz/counts.json

mutants: setup-dev
	$(BIN)/python tests/mutation/run.py $(MODULES)

docs: setup-dev
	$(BIN)/python -m sphinx -W -b html docs docs/_build/html

clean:
	rm -rf $(VENV) .nox build out docs/_build
