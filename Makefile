# Set-up, tests and the demonstration; README says what each prints and how long it takes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: setup demo test test-long lint bench requirements clean

setup: $(INSTALLED)

$(INSTALLED): requirements.txt pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit(f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: setup
	$(BIN)/rnascl --config=digits --workdir=runs/digits

# Two processes, because two cores; each test file stays in one, so that models are built once.
test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile tests

# Kills, signals and clusters of real processes.
test-long: setup
	$(BIN)/python -m pytest -m long tests -s

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m benchmarks

# Pins every package for every supported Python. backports.strenum 1.3 is for older Pythons only.
requirements: setup
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --no-annotate --no-header \
	  --quiet requirements.in -o requirements.txt

clean:
	rm -rf $(VENV)
