# `make demo`: a fitted model of a simulated recording. `make test`: style, types and tests. `make docs`: build/site.
# All install into .venv here, and again only when what they install from has changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find models schemas pipeline -name '*.py')

# The tests start hundreds of processes, and each would compile anew what it imports: most of the processor's time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo docs test

demo: $(VENV)/demo.stamp
	$(BIN)/hypercolumn demo

# One thread each, and files in one piece; a process that crashes ends the run, which could hang otherwise.
test: $(VENV)/test.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -rs -n auto --dist loadfile --max-worker-restart 0 --durations 20

# Warnings, such as of a link that leads nowhere, are errors; `make test` builds the site as well.
docs: $(VENV)/test.stamp
	$(BIN)/mkdocs build --strict

# One environment for all: what was installed last stands, so each stamp takes the other's away.
$(VENV)/demo.stamp: setup.py pyproject.toml $(SOURCES) | $(BIN)/pip
	$(BIN)/pip install .
	@rm -f $(VENV)/test.stamp
	@touch $@

# Of the 18,000 modules that are installed, the tests import a few thousand: these compile when they are imported.
$(VENV)/test.stamp: setup.py pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --no-compile -e '.[test]'
	@rm -f $(VENV)/demo.stamp
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, as $(PYTHON): make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make environments: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
