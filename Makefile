# Set-up, tests and the demonstration. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: help setup demo test test-long lint bench requirements clean

help: ## list these targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(INSTALLED) ## install everything into .venv, and the command rnascl

$(INSTALLED): requirements.txt pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit(f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: setup ## the main job on scikit-learn's digits: 6 to 8 minutes on 2 cores
	$(BIN)/rnascl --config=digits --workdir=runs/digits

# Two processes, because two cores; each test file stays in one, so that models are built once. The order
# is tests/conftest.py's: by itself xdist ends with files of few tests, and some of these are slow. A process
# that dies is not replaced: xdist then waits for ever, and does not name the test that it died in.
# Bytecode is written also where the environment forbids it: the tests start a hundred processes.
test: setup ## all tests that take under a minute each
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart=0 tests

test-long: setup ## kill, stop and cluster real processes: a quarter of an hour
	$(BIN)/python -m pytest -m long tests -s

lint: setup ## format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: setup ## what the claims about speed rest on
	$(BIN)/python -m benchmarks

# Pins every package for every supported Python. backports.strenum 1.3 is for older Pythons only.
requirements: setup ## pin requirements.in in requirements.txt
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --no-annotate --no-header \
	  --quiet requirements.in -o requirements.txt

clean: ## remove .venv
	rm -rf $(VENV)
