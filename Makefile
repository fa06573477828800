# Every target sets up what it needs; the machine needs git, make and Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= netdiffus-demo
SECONDS ?= 60
WORKERS ?= 2
COVERAGE ?=
PORT ?= 8765
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e

.PHONY: demo studio test setup check docs results bench fuzz record release clean

demo: .venv/ready
	$(BIN)/netdiffus demo --out $(OUT)

# Web pages over the demo's folder, which is made first where it is missing. PORT=0 takes any that is free.
studio: .venv/ready
	test -d $(OUT) || $(BIN)/netdiffus demo --out $(OUT)
	$(BIN)/netdiffus studio $(OUT) --port $(PORT)

# In WORKERS processes, which take tests from each other. COVERAGE=1 adds the share of lines run, by file, and
# build/coverage (HTML); lines of compiled kernels count as not run. Bytecode is kept, whatever the environment says:
# each of the hundred processes that tests start, and each worker, would compile the sources again.
test: .venv/ready
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal \
		$(if $(COVERAGE),--cov=netdiffus --cov-report=term:skip-covered --cov-report=html:build/coverage)

setup: .venv/ready

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layers.py tests/test_lint.py

# The documentation site into build/site; a broken link or an unknown name in the API reference is an error.
docs: .venv/ready
	$(PIP) '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

# Repeats every measurement of docs/results.md: about seven hours on two cores, most of it training (sets, augmentation,
# published) and fuzzing. NAME="demo sets" runs only those.
results: .venv/ready
	$(PIP) '.[bench]'
	$(BIN)/python -m bench $(NAME)

bench: results

# Runs every fuzz target for SECONDS: make fuzz SECONDS=600. Failing inputs are kept in build/fuzz/found.
fuzz: .venv/ready
	$(PIP) '.[fuzz]'
	$(BIN)/python -m fuzz --seconds $(SECONDS)

# Repeats the shipped recordings (root, Debian packages; see tools/record/README.md).
record:
	tools/record/record.sh

# Source distribution and wheel into dist/; each is installed into a fresh environment and run there.
release: .venv/ready
	$(PIP) '.[release]'
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python tools/check_distributions.py dist

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "netdiffus needs Python 3.11 or newer; set PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { echo "no venv in this Python; on Debian: apt-get install python3-venv" >&2; exit 2; }
	$(PIP) '.[dev]'
	@touch $@

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .hypothesis
