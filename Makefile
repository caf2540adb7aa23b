# All the verbs: demo, test, test-editors, check, fix, messages, docs, recording, vsix, bench,
# soak. Each sets up what it needs by itself.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
CLIENT := editor-client/vscode
CLIENT_READY := $(CLIENT)/node_modules/.ready
EDITORS_READY := .venv/.editors
DOCS_READY := .venv/.docs

LOCALE := server/tabwright/lsp/localisation/locale

MINUTES ?= 10
# Tests start many processes: what they import is compiled once, also where the caller forbids it.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test test-editors check fix messages docs recording vsix bench soak clean

demo: $(READY)
	$(BIN)/tabwright models pull
	$(BIN)/tabwright demo

test: $(READY)
	$(BIN)/tabwright models pull
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not timing"
	$(BIN)/python -m pytest -m timing $$(grep -rl --include='*.py' mark.timing tests)

# Every editor is started for real; one that is missing fails. Pictures: editor-client/vscode/out/pictures.
test-editors: $(EDITORS_READY) $(CLIENT_READY)
	tests/editors/install
	$(BIN)/tabwright models pull
	TABWRIGHT_EDITORS=required $(BIN)/python -m pytest -n 2 --dist loadfile -m "not timing" tests/editors
	TABWRIGHT_EDITORS=required $(BIN)/python -m pytest -m timing tests/editors
	npm --prefix $(CLIENT) run --silent package
	npm --prefix $(CLIENT) test --silent
	TABWRIGHT_EDITORS=required npm --prefix $(CLIENT) run --silent test:editor

check: $(READY) $(CLIENT_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	npm --prefix $(CLIENT) run --silent check

vsix: $(READY) $(CLIENT_READY)
	npm --prefix $(CLIENT) run --silent package

fix: messages
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Bring new messages of the source into the catalogue of translations, drop the unused, and compile it.
messages: $(READY)
	$(BIN)/pybabel -q extract --no-default-keywords --keyword Message --sort-output \
		--add-location file --output-file .venv/tabwright.pot server/tabwright
	$(BIN)/pybabel -q update --domain tabwright --locale zh_CN --output-dir $(LOCALE) \
		--input-file .venv/tabwright.pot --ignore-pot-creation-date --no-fuzzy-matching \
		--ignore-obsolete --width 100
	$(BIN)/pybabel -q compile --domain tabwright --directory $(LOCALE)

# The documentation site, in dist/docs: open dist/docs/index.html.
docs: $(DOCS_READY)
	$(BIN)/python -m tools.settings_table
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

# The picture of README.md, recorded in a real VS Code. Takes two minutes; let nothing else run meanwhile.
recording: $(DOCS_READY) $(CLIENT_READY)
	tests/editors/install
	$(BIN)/tabwright models pull
	npm --prefix $(CLIENT) run --silent package
	cd $(CLIENT) && node test/setup.mjs && node recording/record.mjs out/recording
	$(BIN)/python tools/assemble_recording.py $(CLIENT)/out/recording docs/pictures/session.webp

bench: $(READY)
	$(BIN)/tabwright models pull
	bench/speed all
	bench/quality infilling
	bench/quality midline
	bench/quality span

# Random messages, kills and hangs: make soak MINUTES=120
soak: $(READY)
	$(BIN)/tabwright models pull
	bench/soak --minutes $(MINUTES)

# The CPU build of torch goes first: a bare "torch" would bring gigabytes of CUDA.
$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[torch,openvino,dev]'
	touch $(READY)

$(EDITORS_READY): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[editors]'
	touch $(EDITORS_READY)

$(DOCS_READY): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $(DOCS_READY)

$(CLIENT_READY): $(CLIENT)/package-lock.json
	npm --prefix $(CLIENT) ci --ignore-scripts --silent --no-fund --no-audit
	touch $(CLIENT_READY)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis $(CLIENT)/node_modules $(CLIENT)/dist
