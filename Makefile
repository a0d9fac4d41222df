# Nitamono's targets; `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
export NITAMONO_HOME ?= $(CURDIR)/var
export PORT ?= 8000
export AIRFLOW_PORT ?= 8080

PIPELINE := .venv/pipeline
SERVING := .venv/serving
EMULATORS := .venv/emulators
BENCHMARKS := .venv/benchmarks
BIN := $(PIPELINE)/bin

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | column -t -s '|'

.PHONY: demo
demo: $(PIPELINE)/.ready $(SERVING)/.ready  ## catalogue → shop page (ONCE=1: check and stop; CATALOGUE=shop.csv: yours)
	$(BIN)/nitamono demo --service $(CURDIR)/$(SERVING)/bin/nitamono \
	  $(if $(ONCE),--once) $(if $(CATALOGUE),--catalogue '$(CATALOGUE)')

.PHONY: test
test: setup browser prometheus wrk  ## run every test, set-up included
	$(BIN)/python -m pytest $(TESTS)

.PHONY: faults
faults: $(PIPELINE)/.dev $(EMULATORS)/.ready  ## kill, race, fill, cut off and spoil the pipeline; say what caught it (FAULTS=--help)
	$(BIN)/python -m tests.faults $(FAULTS)

.PHONY: check
check: $(PIPELINE)/.dev  ## formatting, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

.PHONY: format
format: $(PIPELINE)/.dev  ## format the code and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: setup
setup: $(PIPELINE)/.dev $(SERVING)/.ready $(EMULATORS)/.ready $(BENCHMARKS)/.ready  ## make the environments, the tests' own too

.PHONY: train-detector
train-detector: $(PIPELINE)/.dev  ## train the default detector on synthesised scenes
	$(BIN)/python -m feature_store.vision.training --out $(NITAMONO_HOME)/detector

.PHONY: bench-store
bench-store: $(PIPELINE)/.dev  ## memory and time of a store of a million regions (6 GB of disk)
	$(BIN)/python -m tests.benchmarks.store

.PHONY: bench-index
bench-index: $(PIPELINE)/.ready $(BENCHMARKS)/.ready  ## the search beside hnswlib's and faiss's, 60,000 and 1,000,000 vectors (INDEX=--help)
	$(BIN)/python -m tests.benchmarks.index_data $(INDEX)
	$(BENCHMARKS)/bin/python -m tests.benchmarks.index $(INDEX)

.PHONY: bench-fresh
bench-fresh: $(PIPELINE)/.dev $(SERVING)/.ready  ## seconds until an arrival is found and a deletion gone, under a real Airflow
	$(BIN)/python -m tests.benchmarks.fresh

.PHONY: bench-serving
bench-serving: $(SERVING)/.ready $(BENCHMARKS)/.ready wrk  ## the lookup service beside a chromadb server, 60,000 items; needs wrk (SERVICE=--help)
	$(BENCHMARKS)/bin/python -m tests.benchmarks.serving $(SERVICE)

.PHONY: screenshots
screenshots: setup browser  ## draw docs/shop-*.png anew, from the live bundle of NITAMONO_HOME (after make demo)
	NITAMONO_SCREENSHOTS=docs NITAMONO_SCREENSHOTS_HOME=$(NITAMONO_HOME) $(BIN)/python -m pytest tests/browser/test_pictures.py

.PHONY: lock
lock: $(PIPELINE)/.dev  ## resolve the lock files from pyproject.toml (UPGRADE=1: every version anew)
	.ci/lock $(BIN)

.PHONY: clean
clean:  ## remove the environments and caches (not NITAMONO_HOME)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: browser
browser: $(PIPELINE)/.dev
	@.ci/browser $(BIN)

.PHONY: prometheus
prometheus:
	@.ci/prometheus .venv/prometheus

.PHONY: wrk
wrk:
	@.ci/wrk

.PHONY: python
python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 12) else \
	  "Python 3.11 or 3.12 is needed, this is %d.%d: make PYTHON=python3.11 …" % sys.version_info[:2])'

$(PIPELINE)/.ready: pipeline.lock pyproject.toml | python
	$(PYTHON) -m venv $(PIPELINE)
	$(BIN)/pip install --quiet --disable-pip-version-check -r pipeline.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(PIPELINE)/.dev: $(PIPELINE)/.ready dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check -r dev.lock
	touch $@

$(SERVING)/.ready: serving.lock photo.lock pyproject.toml | python
	$(PYTHON) -m venv $(SERVING)
	$(SERVING)/bin/pip install --quiet --disable-pip-version-check -r serving.lock -r photo.lock
	$(SERVING)/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(EMULATORS)/.ready: emulators.lock | python
	$(PYTHON) -m venv $(EMULATORS)
	$(EMULATORS)/bin/pip install --quiet --disable-pip-version-check -r emulators.lock
	touch $@

$(BENCHMARKS)/.ready: benchmarks.lock pyproject.toml | python
	$(PYTHON) -m venv $(BENCHMARKS)
	$(BENCHMARKS)/bin/pip install --quiet --disable-pip-version-check -r benchmarks.lock
	$(BENCHMARKS)/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@
