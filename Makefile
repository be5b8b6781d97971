.DEFAULT_GOAL := help
.PHONY: help serve test golden lint docs bench soak fuzz schema screenshots wheel clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

# One stamp a purpose, so that `make serve` does not wait for what only tests need.
$(VENV)/serve: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, and $(PYTHON) is %d.%d: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) --upgrade "pip>=25.1"
	$(PIP) --editable ".[server,tls,otlp]"
	@touch $@

$(VENV)/test: $(VENV)/serve
	$(PIP) --group test
	@touch $@

$(VENV)/lint: $(VENV)/test
	$(PIP) --group lint
	@touch $@

$(VENV)/bench: $(VENV)/test
	$(PIP) --group bench
	@touch $@

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: $(VENV)/serve ## Run the fake on http://127.0.0.1:8787 (ARGS="--port 9000 …")
	$(BIN)/fake-bluejay serve $(ARGS)

test: $(VENV)/test ## Run the tests (ARGS="-k watchdog …")
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

golden: $(VENV)/test ## Write tests/golden/data anew, to be reviewed as a diff (ARGS="openapi.json …")
	$(BIN)/python -m tests.golden.outputs $(ARGS)

lint: $(VENV)/lint ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32 fake_bluejay
	$(BIN)/lint-imports

docs: $(VENV)/test ## Write the tables of docs/endpoints.md anew
	$(BIN)/python docs/endpoints.py

bench: $(VENV)/bench ## Measure, as ratios against peers
	$(BIN)/python -m benchmarks

screenshots: $(VENV)/test ## Picture the console, light, dark and narrow, into docs/images (needs Chromium)
	$(BIN)/python tests/control/screenshots.py

soak: $(VENV)/serve ## Load a server for a minute, half of it broken or slow connections
	$(BIN)/python -m benchmarks.soak

fuzz: $(VENV)/serve ## Fuzz the control API, raw HTTP and seeds for a minute (ARGS="600 --seed 7")
	$(BIN)/python -m benchmarks.fuzz $(ARGS)

schema: $(VENV)/serve ## Write docs/seed.schema.json anew
	$(BIN)/fake-bluejay schema > $(VENV)/seed.schema.json
	mv $(VENV)/seed.schema.json docs/

wheel: $(VENV)/serve ## Build the wheel and the source distribution into dist/
	$(PIP) build
	$(BIN)/python -m build --outdir dist .

clean: ## Remove what the other targets made
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
