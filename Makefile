# Every command sets up what it needs; all that is asked of the machine is git, make and Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= netdiffus-demo
SECONDS ?= 60
WORKERS ?= 2

.PHONY: demo test setup check results bench fuzz record clean

demo: .venv/ready
	$(BIN)/netdiffus demo --out $(OUT)

# In WORKERS processes; one that is done takes tests from the other.
test: .venv/ready
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

setup: .venv/ready

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layers.py tests/test_lint.py

# Every figure of docs/results.md again: about seven hours on two cores, the greater part training (sets, augmentation,
# published) and fuzzing. NAME="demo sets" runs those only.
results: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m bench $(NAME)

bench: results

# Every fuzz target for SECONDS: make fuzz SECONDS=600. What is found lies in build/fuzz/found.
fuzz: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fuzz]'
	$(BIN)/python -m fuzz --seconds $(SECONDS)

# Records the shipped captures again (root, Debian packages; see tools/record/README.md).
record:
	tools/record/record.sh

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "netdiffus needs Python 3.11 or newer; set PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { echo "no venv in this Python; on Debian: apt-get install python3-venv" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .hypothesis
