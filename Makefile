# All the verbs: demo, test, check, fix, vsix, bench. Each sets up what it needs by itself.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
CLIENT := editor-client/vscode
CLIENT_READY := $(CLIENT)/node_modules/.ready

.PHONY: demo test check fix vsix bench clean

demo: $(READY)
	$(BIN)/tabwright models pull
	$(BIN)/tabwright demo

test: $(READY)
	$(BIN)/tabwright models pull
	$(BIN)/python -m pytest

check: $(READY) $(CLIENT_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	npm --prefix $(CLIENT) run --silent check

vsix: $(READY) $(CLIENT_READY)
	npm --prefix $(CLIENT) run --silent package

fix: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/tabwright models pull
	bench/quality infilling
	bench/quality midline
	bench/quality span
	bench/speed typing

# The CPU build of torch goes first: a bare "torch" would bring gigabytes of CUDA.
$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(READY)

$(CLIENT_READY): $(CLIENT)/package-lock.json
	npm --prefix $(CLIENT) ci --silent --no-fund --no-audit
	touch $(CLIENT_READY)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis $(CLIENT)/node_modules $(CLIENT)/dist
