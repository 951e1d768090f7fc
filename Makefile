# Two commands are all one needs: `make run` and `make test`. Both make their own .venv and ask nothing.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
COMPILE := $(UV) pip compile -q --universal --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11
# Byte code makes every start faster; some machines switch it off for all programs.
unexport PYTHONDONTWRITEBYTECODE

# What components of knative/ need besides the functions: one image has all of it. Not nkeys, which has to be built: pip reads
# func.txt there for what it builds with, too, and would build it to build it.
EXTRAS := $(addprefix --extra ,cli oidc archive kafka rabbitmq)

# The fast tiers share nothing but the machine, and run file by file in a process for each core. The others start servers
# and kill processes, some by the clock, and have the machine for themselves.
FAST := tests/unit tests/contract
SPREAD := -n auto --maxprocesses 4 --dist loadfile

.PHONY: help
help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: .venv/run.stamp ## Run the whole system on this machine, fed by a recorded cluster; Ctrl-C ends it
	@$(BIN)/tidings up $(ARGS)

# Nobody who runs a few tests, or leaves those out that need one, waits for an API server to be built.
WHOLE := $(if $(filter-out -%,$(ARGS))$(findstring tests/cluster,$(ARGS)),,yes)

.PHONY: test
test: .venv/test.stamp try-hosts $(if $(WHOLE),try-apiserver) ## Run every test that this machine can run
ifeq ($(filter-out -%,$(ARGS)),)
	@$(BIN)/pytest $(SPREAD) $(FAST) $(ARGS); fast=$$?; $(BIN)/pytest $(addprefix --ignore=,$(FAST)) $(ARGS) && exit $$fast
else
	@$(BIN)/pytest $(ARGS)
endif

.PHONY: hosts
hosts: .venv-framework/stamp .venv-knfunc/stamp .venv-full/stamp .venv-sbom/stamp ## Make the environments of the serverless hosts and of `make sbom`

.PHONY: try-hosts
try-hosts: .venv/uv.stamp
	@$(MAKE) -s hosts || echo "The environments of the serverless hosts could not be made; their tests will say so."

.PHONY: test-newest
test-newest: ## Run the fast tiers on the newest Python of this machine
	@$(MAKE) -s on-newest TESTS="$(FAST)"

.PHONY: test-oldest
test-oldest: ## Run the unit tests on the oldest Python of this machine that Tidings runs on, as a distribution's own
	@$(MAKE) -s on-oldest TESTS=tests/unit

on-%: .venv/uv.stamp
	@other=$$($(BIN)/python tests/support/pythons.py $(UV) $*) || exit; \
	if [ -z "$$other" ]; then echo "Of this machine's Pythons, $$($(BIN)/python -V) is the $*."; exit 0; fi; \
	[ "$$(cat .venv-$*/made-by 2>/dev/null)" = "$$other" ] || rm -rf .venv-$*; \
	$(MAKE) -s .venv-$*/made OTHER="$$other" && echo "$(TESTS) on $$(.venv-$*/bin/python -V):" && \
	.venv-$*/bin/pytest -q $(SPREAD) $(TESTS) $(ARGS)

.PHONY: apiserver
apiserver: .venv/uv.stamp ## Build a kube-apiserver for tests, once a machine (Go; minutes)
	@$(BIN)/python -m tests.support.apiserver.build

.PHONY: try-apiserver
try-apiserver: .venv/uv.stamp
	@if command -v go >/dev/null; then $(MAKE) -s apiserver || echo "The API server could not be built; its tests will say so."; fi

.PHONY: test-cluster
test-cluster: .venv/test.stamp apiserver ## Run the tests that need a real API server
	@$(BIN)/pytest tests/cluster $(ARGS)

.PHONY: coverage
coverage: .venv/test.stamp try-hosts ## Run the tests and print which lines none of them reaches; fails below 90 %
	@$(BIN)/pytest -q --cov=shared --cov=functions --cov-report=term-missing:skip-covered --cov-fail-under=90 $(ARGS)

.PHONY: check
check: .venv/test.stamp try-hosts ## Check format, lint, types, import contracts, packs, schemas
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/tidings validate
	$(BIN)/pytest -q tests/manifests tests/docs

.PHONY: bench
bench: .venv/test.stamp try-hosts ## Measure, as ratios against a baseline in the same run
	@$(BIN)/python -m tests.bench $(ARGS)

.PHONY: scale
scale: .venv/test.stamp ## Simulate one Broker for many clusters: ARGS="--clusters 250 --consumers 2"
	@$(BIN)/python -m tests.bench.scaling $(ARGS)

.PHONY: endurance
endurance: .venv/test.stamp ## Run what takes long: ARGS=day, week, histories, conservation, takeover, load, outage, kept, archived, stores or restarts
	@$(BIN)/python -m tests.endurance.$(or $(firstword $(ARGS)),day) $(wordlist 2,99,$(ARGS))

.PHONY: fuzz
fuzz: .venv/test.stamp ## Feed made-up bytes for 2 minutes to all that reads foreign ones: ARGS="--seconds 600"
	@$(MAKE) -s .venv-fuzz/stamp || true
	@$$(test -e .venv-fuzz/stamp && echo .venv-fuzz || echo .venv)/bin/python -m tests.fuzz $(ARGS)

.PHONY: lock
lock: .venv/uv.stamp ## Resolve the requirements files again
	for set in "runtime pyproject.toml" "run pyproject.toml --extra build --extra cli" \
	  "oidc pyproject.toml --extra oidc -c requirements/runtime.txt" \
	  "nkeys pyproject.toml --extra nkeys -c requirements/runtime.txt" \
	  "archive pyproject.toml --extra archive -c requirements/runtime.txt" \
	  "test pyproject.toml --extra build --extra cli --extra oidc --extra nkeys --extra archive --extra kafka --extra rabbitmq --extra test --extra check" \
	  "full pyproject.toml --extra cli --extra oidc --extra nkeys --extra archive --extra kafka --extra rabbitmq -c requirements/runtime.txt" \
	  "bus pyproject.toml --extra nkeys --extra kafka --extra rabbitmq -c requirements/runtime.txt" \
	  "fuzz pyproject.toml --extra fuzz -c requirements/runtime.txt" \
	  "framework pyproject.toml --extra framework -c requirements/runtime.txt" \
	  "knfunc pyproject.toml --extra knfunc -c requirements/runtime.txt"; do \
	  set -- $$set; name=$$1; shift; \
	  $(COMPILE) --generate-hashes "$$@" -o requirements/$$name.txt || exit 1; \
	done
	for set in "uv uv" "sbom cyclonedx-bom pip-licenses"; do \
	  set -- $$set; name=$$1; shift; \
	  printf '%s\n' "$$@" | $(COMPILE) --generate-hashes - -o requirements/$$name.txt || exit 1; \
	done
# func's scaffolding says which func-python it wants, and that which CloudEvents SDK: both differ with the version of func.
	$(COMPILE) --no-annotate pyproject.toml --extra build --extra nkeys $(EXTRAS) \
	  --extra knfunc --no-emit-package func-python --no-emit-package cloudevents \
	  -c requirements/runtime.txt -o requirements/constraints.txt
	$(COMPILE) --no-annotate pyproject.toml $(EXTRAS) -c requirements/runtime.txt -o requirements/func.txt

# Of the dependencies as they are locked for an image: runtime, full, framework, or knfunc for what func makes.
LOCK ?= full
SBOM ?= sbom
.PHONY: sbom
sbom: .venv-sbom/stamp ## List what an image is made of and its licences, in sbom/
	@$(MAKE) -s .venv-$(LOCK)/stamp && mkdir -p $(SBOM)
	@.venv-sbom/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
	  -o $(SBOM)/$(LOCK).cdx.json .venv-$(LOCK)
	@.venv-sbom/bin/pip-licenses --python .venv-$(LOCK)/bin/python --with-system --with-urls -f markdown \
	  --output-file $(SBOM)/$(LOCK)-licences.md > /dev/null
	@echo "Wrote $(SBOM)/$(LOCK).cdx.json and $(SBOM)/$(LOCK)-licences.md"

.PHONY: schemas
schemas: .venv/test.stamp ## Write the schemas, pages and pictures under docs that are made from the code
	@$(BIN)/tidings schema --all docs/schemas
	@$(BIN)/python -m shared.runtime.document docs
	@$(BIN)/python -m tests.support.pictures docs/pictures

.PHONY: clean
clean: ## Remove what was made here: the environments and the embedded system's state
	rm -rf .venv .venv-* .tidings sbom .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

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

# A host's environment holds what the host needs and what Tidings needs; Tidings itself comes from the checkout.
.venv-%/stamp: requirements/%.txt .venv/uv.stamp
	@echo "Making .venv-$* from requirements/$*.txt ..."
	@$(UV) venv -q --clear -p $(BIN)/python .venv-$*
	@$(UV) pip install -q -p .venv-$*/bin/python --compile-bytecode --require-hashes -r requirements/$*.txt
	@touch $@

.venv-%/made: requirements/test.txt pyproject.toml .venv/uv.stamp
	@echo "Making .venv-$* from requirements/test.txt ..."
	@$(UV) venv -q --clear -p "$(OTHER)" .venv-$*
	@$(UV) pip install -q -p .venv-$*/bin/python --require-hashes -r requirements/test.txt
	@$(UV) pip install -q -p .venv-$*/bin/python --no-deps --no-build-isolation -e .
	@echo "$(OTHER)" > .venv-$*/made-by
	@touch $@
