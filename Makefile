# `make` alone lists what there is. Every target sets up what it needs; nothing is installed outside this folder.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
STATE := .bagfill
STAMPS := $(STATE)/stamps
BIN := .venv/bin
NATIVE := include/bagfill/checksum/native
BENCH ?= full

# Compiled modules are kept whatever the surroundings say: else every process compiles what it imports, for up to a second.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPATH := $(CURDIR)/include:$(CURDIR)/plugins$(if $(PYTHONPATH),:$(PYTHONPATH))

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMPS)/python $(STAMPS)/lanes $(STAMPS)/azurite ## install everything into .venv and .bagfill

.PHONY: demo
demo: setup ## copy sample bags from S3 to Azure through a real Airflow, then report
	@$(BIN)/bagfill demo

.PHONY: up
up: setup ## start the embedded stack and leave it running; prints its address and login
	@$(BIN)/python -m bagfill.demo up

.PHONY: down
down: ## stop the embedded stack
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m bagfill.demo down; else echo "nothing is installed, so nothing runs"; fi

.PHONY: test
test: lint $(STAMPS)/browser ## all checks, then all tests
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS)

.PHONY: test-deep
test-deep: setup ## the tests with made-up examples, with many more of them
	@BAGFILL_DEEP=1 $(BIN)/pytest -n 2 --dist loadfile --timeout 3600 -m 'hypothesis or deep'

.PHONY: test-cluster
test-cluster: setup ## the production shape with Celery, and what dies in it (ten minutes)
	@BAGFILL_CLUSTER=1 $(BIN)/pytest tests/cluster

.PHONY: lint
lint: setup ## ruff, mypy, import rules, generated documentation
	@tools/lint

.PHONY: pictures
pictures: setup $(STAMPS)/browser ## take the pictures of the pages in docs/images/pages again
	@BAGFILL_PICTURES=docs/images/pages $(BIN)/pytest -q tests/e2e/test_pages_in_a_browser.py

.PHONY: bench
bench: setup ## measure beside what people use instead; BENCH=quick for one minute
	@$(BIN)/python benchmarks/run.py $(BENCH)

.PHONY: docs
docs: setup ## write the generated parts of the documentation
	@$(BIN)/python docs/generate.py

.PHONY: site
site: setup ## the documentation as a site, in .bagfill/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "open .bagfill/site/index.html"

.PHONY: audit
audit: setup ## look for known holes of the packages of production; needs a network
	@tools/audit

.PHONY: sbom
sbom: setup ## list everything that production installs, as CycloneDX, in .bagfill/sbom.json
	@$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON \
		--output-file $(STATE)/sbom.json requirements.txt
	@echo "written: $(STATE)/sbom.json"

.PHONY: licences
licences: setup ## write docs/reference/licences.md from the packages' metadata
	@$(BIN)/python tools/licences

.PHONY: lock
lock: $(STATE)/tools/ready ## pin the packages of pyproject.toml again
	@tools/lock

.PHONY: clean
clean: down ## remove what was installed and measured here
	@rm -rf .venv $(STATE) $(NATIVE)/*.so .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: each is written last, so an interrupted step is done again.
$(STATE)/tools/ready: tools/uv-requirements.txt
	@PYTHON="$(PYTHON)" tools/setup uv

$(STAMPS)/python: $(STATE)/tools/ready pyproject.toml requirements-dev.txt
	@PYTHON="$(PYTHON)" tools/setup python

$(STAMPS)/lanes: tools/compiler-requirements.txt tools/build-lanes $(wildcard $(NATIVE)/*.c $(NATIVE)/*.h) | $(STAMPS)/python
	@tools/setup lanes

$(STAMPS)/azurite: tools/azurite/package.json tools/azurite/package-lock.json | $(STAMPS)/python
	@PYTHON="$(PYTHON)" tools/setup azurite

$(STAMPS)/browser: tools/browser/package.json tools/browser/package-lock.json tools/browser/unpack.mjs | $(STAMPS)/python
	@PYTHON="$(PYTHON)" tools/setup browser
