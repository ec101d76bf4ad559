# `make` alone prints the targets.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEEP := $(VENV)/.deep
DATA ?= sim
SIZE ?= small
WORKERS ?= -n 2 --no-loadscope-reorder

help:  ## print the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): requirements/lock.txt setup.py
	@$(PYTHON) -c 'import sys; assert sys.version_info[:2] == (3, 11), sys.version' || (echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11" >&2; exit 2)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.9
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode requirements/lock.txt
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(READY)

$(DEEP): $(READY) requirements/deep.txt
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode -r requirements/deep.txt
	@touch $(DEEP)

install: $(READY)  ## only build the environment, .venv, with the command clarion in it

demo: $(READY)  ## the whole loop, then a summary and a report (DATA=sim|complete-journey, SIZE=small|medium|large)
	$(BIN)/clarion demo --data $(DATA) --size $(SIZE)

test: $(READY)  ## methods in small, and a small shop end to end; budget 12 minutes on two cores
	$(BIN)/pytest $(WORKERS) -m "not deep and not slow"
	@echo "Left out: 'make test-deep' (servers, real data, erasure, keys, drills; some 35 minutes) and 'make test-slow' (seeds, cluster, kills; 90 minutes)."

test-deep: $(DEEP)  ## real servers, real data, erasure, keys, drills, models of the extra deep; budget 35 minutes
	$(BIN)/pytest $(WORKERS) -m "deep and not slow"

test-slow: $(READY)  ## statistics over seeds and shops, the cluster, kills; budget 90 minutes
	$(BIN)/pytest -m slow

coverage: $(DEEP)  ## which statements the tests of 'test' and 'test-deep' reach
	$(BIN)/pytest $(WORKERS) -m "not slow" --cov=clarion --cov-report=term:skip-covered

check: $(READY)  ## style, types, layers, bans, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/meta

bench: $(READY)  ## profile a pass over the demo's shop: by job and by Spark action
	$(BIN)/python benchmarks/one_pass.py

docs: $(READY)  ## write what is generated (tables, jobs, requirements, coverage), then build the site into site/
	$(BIN)/python docs/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

jar: $(READY)  ## compile the classes that encrypt tables and write local files (needs a JDK; the jar is kept beside them)
	$(BIN)/python libs/clarion/runtime/java/build.py

clean:  ## remove what was made here
	rm -rf $(VENV) build dist *.egg-info libs/*.egg-info clarion-demo site .mypy_cache .ruff_cache

.PHONY: help install demo test test-deep test-slow coverage check bench docs jar clean
.DEFAULT_GOAL := help
