# skysort: `make run` and `make test` do all the set-up they need; `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
RUN := .venv/run
DEV := .venv/dev
LOCKS := functions/star/requirements.txt functions/star/requirements-drop.txt functions/control/requirements.txt \
         infra/local/requirements.txt model_export/requirements.txt tests/requirements.txt
SOURCES := layers functions infra model_export tests

# A virtual environment from one hash-locked file; `layers` is on its path as it is on Lambda's.
define environment
	@command -v $(PYTHON) >/dev/null || { echo "skysort needs Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "skysort needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) -V)"; exit 1; }
	@echo "setting up $(1) (once; a minute or two)"
	@$(PYTHON) -m venv --clear $(1) || { echo "python's venv module is missing: on Debian, apt-get install python3-venv"; exit 1; }
	@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $(2)
	@echo "$(CURDIR)/layers" > "$$($(1)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/skysort.pth"
	@touch $(1)/.ready
endef

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(RUN)/.ready: infra/local/requirements.txt
	$(call environment,$(RUN),$<)

$(DEV)/.ready: tests/requirements.txt
	$(call environment,$(DEV),$<)

.PHONY: run
run: $(RUN)/.ready ## the whole service on this machine: no AWS, no Docker
	@exec $(RUN)/bin/python -m infra.local $(ARGS)

.PHONY: demo
demo: $(RUN)/.ready ## start it, classify a row, a table and a dropped table, show the answers, stop
	@$(RUN)/bin/python -m infra.local.demo $(ARGS)

.PHONY: test
test: $(RUN)/.ready $(DEV)/.ready lint ## lint, types and every test
	@SKYSORT_RUN_PYTHON=$(CURDIR)/$(RUN)/bin/python $(DEV)/bin/python -m pytest $(ARGS)

.PHONY: lint
lint: $(DEV)/.ready ## ruff and mypy strict
	@$(DEV)/bin/ruff check $(SOURCES)
	@$(DEV)/bin/ruff format --check --quiet $(SOURCES)
	@$(DEV)/bin/mypy

.PHONY: format
format: $(DEV)/.ready ## format the code
	@$(DEV)/bin/ruff check --fix-only $(SOURCES)
	@$(DEV)/bin/ruff format $(SOURCES)

.PHONY: bench
bench: $(RUN)/.ready $(DEV)/.ready ## measure latency, throughput, tables and start-up; writes tests/bench/results
	@SKYSORT_RUN_PYTHON=$(CURDIR)/$(RUN)/bin/python $(DEV)/bin/python -m tests.bench $(ARGS)

.PHONY: train
train: $(DEV)/.ready ## train, evaluate and export the star model (see model_export/star)
	@$(DEV)/bin/python -m model_export star train
	@$(DEV)/bin/python -m model_export star evaluate
	@$(DEV)/bin/python -m model_export star export

# Versions and hashes only, valid on every Python from 3.11; the test lock comes first so that all agree.
.PHONY: lock
lock: ## renew the hash-locked requirements from pyproject.toml
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv"; exit 1; }
	@compile() { uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url $(ARGS) "$$@"; }; \
	compile --extra test -o tests/requirements.txt && \
	compile --extra train -c tests/requirements.txt -o model_export/requirements.txt && \
	compile --extra local -c tests/requirements.txt -o infra/local/requirements.txt && \
	compile --extra star-drop -c tests/requirements.txt -o functions/star/requirements-drop.txt && \
	compile --extra star -c tests/requirements.txt -o functions/star/requirements.txt && \
	compile --extra control -c tests/requirements.txt -o functions/control/requirements.txt

.PHONY: clean
clean: ## remove environments, caches and what the local stack left
	@rm -rf .venv .skysort build .mypy_cache .ruff_cache .pytest_cache .hypothesis
