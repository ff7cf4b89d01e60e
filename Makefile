# skysort: `make run` and `make test` do all the set-up they need; `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
RUN := .venv/run
DEV := .venv/dev
TRAIN := .venv/train
INFRA := .venv/infra
# Which deployment synth, diff, deploy and destroy are about: dev or prod (infra/stages/named.py).
STAGE ?= dev
SAM := .venv/sam
# Not hash-locked: which build of this release suits a machine (CPU or GPU) differs, and nothing that ships needs it.
TORCH := torch==2.13.0
SOURCES := layers functions infra model_export tests

# A virtual environment from one hash-locked file, which names every package; `layers` is on its path as it is on Lambda's.
define environment
	@command -v $(PYTHON) >/dev/null || { echo "skysort needs Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "skysort needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) -V)"; exit 1; }
	@echo "setting up $(1) (once; a minute or two)"
	@$(PYTHON) -m venv --clear $(1) || { echo "python's venv module is missing: on Debian, apt-get install python3-venv"; exit 1; }
	@$(1)/bin/python -m pip install --quiet --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r $(2)
	@echo "$(CURDIR)/layers" > "$$($(1)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/skysort.pth"
	@printf '#!/bin/sh\nexec "$$(dirname "$$(readlink -f "$$0")")/python" -m skysort_cli "$$@"\n' > $(1)/bin/skysort
	@chmod +x $(1)/bin/skysort
	@touch $(1)/.ready
endef

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(RUN)/.ready: infra/local/requirements.txt
	$(call environment,$(RUN),$<)

$(DEV)/.ready: tests/requirements.txt
	$(call environment,$(DEV),$<)

# The SAM command line; its wheel also carries Lambda's runtime interface emulator.
$(SAM)/.ready: infra/sam/requirements.txt
	$(call environment,$(SAM),$<)

$(TRAIN)/.ready: model_export/requirements-images.txt
	$(call environment,$(TRAIN),$<)
	@rm $(TRAIN)/.ready
	@$(TRAIN)/bin/python -m pip install --quiet --quiet --disable-pip-version-check $(TORCH)
	@touch $(TRAIN)/.ready

.PHONY: run
run: $(RUN)/.ready ## the whole service on this machine: no AWS, no Docker
	@exec $(RUN)/bin/python -m infra.local $(ARGS)

.PHONY: demo
demo: $(RUN)/.ready ## start it, classify rows, tables, pictures and dropped files, show the answers, stop
	@$(RUN)/bin/python -m infra.local.demo $(ARGS)

.PHONY: test
test: $(RUN)/.ready $(DEV)/.ready lint test-training ## lint, types and every test
	@SKYSORT_RUN_PYTHON=$(CURDIR)/$(RUN)/bin/python $(DEV)/bin/python -m pytest --ignore tests/training $(ARGS)

.PHONY: test-training
test-training: $(TRAIN)/.ready ## the tests of training that need PyTorch, in their own environment
	@$(TRAIN)/bin/python -m pytest tests/training

.PHONY: lint
lint: $(DEV)/.ready ## ruff and mypy strict
	@$(DEV)/bin/ruff check $(SOURCES)
	@$(DEV)/bin/ruff format --check --quiet $(SOURCES)
	@$(DEV)/bin/mypy

.PHONY: format
format: $(DEV)/.ready ## format the code
	@$(DEV)/bin/ruff check --fix-only $(SOURCES)
	@$(DEV)/bin/ruff format $(SOURCES)

$(TRAIN)/.peer: $(TRAIN)/.ready tests/bench/peer/requirements.txt
	@$(TRAIN)/bin/python -m pip install --quiet --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r tests/bench/peer/requirements.txt
	@touch $@

.PHONY: bench
bench: $(RUN)/.ready $(DEV)/.ready $(TRAIN)/.peer ## measure latency, throughput, tables and start-up; writes tests/bench/results
	@SKYSORT_RUN_PYTHON=$(CURDIR)/$(RUN)/bin/python $(DEV)/bin/python -m tests.bench $(ARGS)
	@$(DEV)/bin/python -m tests.bench.readme

.PHONY: fuzz
fuzz: $(DEV)/.ready ## harm files and bodies and hand them to every reader; ARGS="--inputs 1000000 --seed 7"
	@PYTHONPATH=layers:. $(DEV)/bin/python -m tests.fuzz $(ARGS)

.PHONY: bench-images
bench-images: $(DEV)/.ready $(SAM)/.ready ## weigh the images, measure how their containers start
	@$(DEV)/bin/python -m infra.containers --record
	@$(DEV)/bin/python -m tests.bench.containers $(ARGS)
	@$(DEV)/bin/python -m tests.bench.readme

.PHONY: screenshots
screenshots: $(RUN)/.ready $(DEV)/.ready ## picture every view of the page anew (needs Chromium)
	@SKYSORT_RUN_PYTHON=$(CURDIR)/$(RUN)/bin/python $(DEV)/bin/python -m tests.web.screenshots

.PHONY: readme
readme: $(RUN)/.ready $(DEV)/.ready ## fill the README's tables and the output of its commands anew
	@$(DEV)/bin/python -m tests.bench.readme
	@UPDATE_README=1 SKYSORT_RUN_PYTHON=$(CURDIR)/$(RUN)/bin/python $(DEV)/bin/python -m pytest --quiet tests/e2e/test_documents.py
	@$(MAKE) --no-print-directory openapi

.PHONY: openapi
openapi: $(DEV)/.ready ## write the OpenAPI document and its page anew from the handlers
	@PYTHONPATH=layers $(DEV)/bin/python -m infra.api $(ARGS)

.PHONY: train
train: $(DEV)/.ready ## train, evaluate and export the star model (see model_export/star)
	@$(DEV)/bin/python -m model_export star train
	@$(DEV)/bin/python -m model_export star evaluate
	@$(DEV)/bin/python -m model_export star export

.PHONY: base-image
base-image: ## the base of the functions' images from Debian's packages, where the public one cannot be pulled
	@infra/containers/base.sh $(or $(SKYSORT_BASE_IMAGE),skysort/base:3.13)

.PHONY: images
images: ## build the container image of every function and show what each weighs (ARGS=--record keeps it)
	@$(PYTHON) -m infra.containers $(ARGS)

# What wheels ask for and serving never imports: XGBoost's Python package (its library is called directly) wants
# scipy, ONNX Runtime's tools want the other two.
NOT_SERVED := flatbuffers protobuf scipy
$(INFRA)/.ready: infra/requirements.txt
	$(call environment,$(INFRA),$<)

CDK = $(INFRA)/bin/python -m infra.commands.cdk $@ --stage $(STAGE) $(ARGS)

.PHONY: references
references: $(DEV)/.ready ## renew the samples by which the release hook proves new versions
	@UPDATE_REFERENCES=1 $(DEV)/bin/python -m pytest --quiet tests/unit/functions/test_reference.py

.PHONY: bootstrap
bootstrap: $(INFRA)/.ready ## prepare an AWS account and region for deployments (once)
	@$(CDK)

.PHONY: synth
synth: $(INFRA)/.ready ## write the CloudFormation templates of STAGE=dev|prod to cdk.out
	@$(CDK)

.PHONY: diff
diff: $(INFRA)/.ready ## show what a deployment of STAGE would change in AWS
	@$(CDK)

.PHONY: deploy
deploy: $(INFRA)/.ready ## build the images and deploy STAGE to AWS
	@$(CDK)

.PHONY: sam
sam: $(INFRA)/.ready $(SAM)/.ready ## have the functions ready for `sam local invoke` and `sam local start-api`
	@$(INFRA)/bin/python -m infra.sam --stage $(STAGE) $(ARGS)

.PHONY: destroy
destroy: $(INFRA)/.ready ## delete STAGE from AWS, with its data where the stage does not keep it
	@$(CDK)

.PHONY: redrive
redrive: $(INFRA)/.ready ## send MODEL's dead letters of STAGE back to its queue (ARGS=--look names them, --help)
	@$(INFRA)/bin/python -m infra.commands.redrive $(MODEL) --stage $(STAGE) $(ARGS)

.PHONY: policies
policies: $(DEV)/.ready ## renew tests/infra/policies.md, every permission of the deployed service
	@$(DEV)/bin/python -m tests.infra.policies

# Versions and hashes only, valid on every Python from 3.11; the test lock comes first so that all agree.
# lean: without what only the command line needs.
.PHONY: lock
lock: ## renew the hash-locked requirements from pyproject.toml
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv"; exit 1; }
	@compile() { uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url $(ARGS) "$$@"; }; \
	compile --extra test --extra train-images -o tests/requirements.txt && \
	lock() { compile --extra "$$1" -c tests/requirements.txt -o "$$2" "$${@:3}"; } && \
	lean() { lock "$$@" --excludes <(printf 'httpx\nrich\n'); } && \
	served() { lock "$$@" --extra lambda --excludes <(printf '%s\n' httpx rich $(NOT_SERVED)); } && \
	lock train model_export/requirements.txt && \
	lock train-images model_export/requirements-images.txt && \
	lean bench tests/bench/peer/requirements.txt && \
	lock local infra/local/requirements.txt && \
	lean infra infra/requirements.txt && \
	served star-drop functions/star/requirements-drop.txt && \
	served star functions/star/requirements.txt && \
	served galaxy functions/galaxy/requirements.txt && \
	served image functions/image/requirements.txt && \
	served control functions/control/requirements.txt && \
	compile --extra sam --excludes <(echo httpx) -o infra/sam/requirements.txt

.PHONY: clean
clean: ## remove environments, caches and what the local stack left
	@rm -rf .venv cdk.out infra/node_modules .aws-sam .skysort build .mypy_cache .ruff_cache .pytest_cache .hypothesis
