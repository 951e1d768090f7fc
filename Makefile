# Two commands are all one needs: `make run` and `make test`. Both make their own .venv and ask nothing.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
# Byte code makes every start faster; some machines switch it off for all programs.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: .venv/run.stamp ## Run the whole system on this machine, fed by a recorded cluster; Ctrl-C ends it
	@$(BIN)/tidings up $(ARGS)

.PHONY: test
test: .venv/test.stamp ## Run every test that this machine can run
	@$(BIN)/pytest $(ARGS)

.PHONY: check
check: .venv/test.stamp ## Check format, lint, types, import contracts, packs, schemas
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/tidings validate
	$(BIN)/pytest -q tests/manifests tests/docs

.PHONY: bench
bench: .venv/test.stamp ## Measure, as ratios against a baseline in the same run
	@$(BIN)/python -m tests.bench $(ARGS)

.PHONY: lock
lock: .venv/uv.stamp ## Resolve the requirements files again
	for set in "runtime" "run --extra build --extra cli" "test --extra build --extra cli --extra test --extra check"; do \
	  set -- $$set; name=$$1; shift; \
	  $(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	    --python-version 3.11 pyproject.toml "$$@" -o requirements/$$name.txt || exit 1; \
	done
	echo uv | $(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	  --python-version 3.11 - -o requirements/uv.txt

.PHONY: schemas
schemas: .venv/test.stamp ## Write the schemas and pages under docs that are made from the code
	@$(BIN)/tidings schema --all docs/schemas
	@$(BIN)/python -m shared.runtime.document docs

.PHONY: clean
clean: ## Remove what was made here: the environment and the embedded system's state
	rm -rf .venv .tidings .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/uv.stamp: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit("Tidings needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	@echo "Making .venv ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --require-hashes -r requirements/uv.txt
	@touch $@

.venv/%.stamp: requirements/%.txt pyproject.toml .venv/uv.stamp
	@echo "Installing requirements/$*.txt into .venv ..."
	@$(UV) pip install -q -p $(BIN)/python --require-hashes -r requirements/$*.txt
	@$(UV) pip install -q -p $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@
