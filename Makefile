# All the verbs: demo, test, check, fix, bench. Each sets up what it needs in .venv by itself.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test check fix bench clean

demo: $(READY)
	$(BIN)/tabwright models pull
	$(BIN)/tabwright demo

test: $(READY)
	$(BIN)/tabwright models pull
	$(BIN)/python -m pytest

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

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

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
