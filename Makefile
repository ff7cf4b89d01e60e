# skysort: `make run` and `make test` do all the set-up they need; `make help` lists the rest.
SHELL := /bin/bash

PYTHON ?= python3
RUN := .venv/run/bin/python
DEV := .venv/dev/bin/python
TRAIN := .venv/train/bin/python
INFRA := .venv/infra/bin/python
UV := .venv/uv/bin/uv
# Which deployment doctor, synth, diff, deploy, rollback, destroy, sam and redrive are about (infra/stages).
STAGE ?= dev
SOURCES := .ci layers functions infra model_export tests
# Not hash-locked: which build of this release suits a machine (CPU or GPU) differs, and nothing that ships needs it.
TORCH := torch==2.13.0
# The tests that start the service start it in the environment of `make run`.
export SKYSORT_RUN_PYTHON := $(CURDIR)/$(RUN)
export UV_PYTHON_DOWNLOADS := never
.PHONY: help run demo test lint format bench bench-images fuzz screenshots readme openapi references policies \
	train base-image pin-base images bootstrap deployer doctor synth diff deploy rollback destroy sam redrive lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

# ---- environments: each from one hash-locked file, of which it takes what pyproject.toml names for it
run_NEEDS := --constraints requirements.txt --requirements pyproject.toml --extra local
dev_NEEDS := $(run_NEEDS) --group test
train_NEEDS := --constraints requirements.txt --group train-images --group bench
infra_NEEDS := --constraints requirements.txt --group infra
# On its own, since it pins its dependencies to single versions; its wheel also carries Lambda's runtime interface emulator.
sam_NEEDS := --requirements infra/sam/requirements.txt
checkov_NEEDS := --requirements tests/infra/checkov.txt

OFFLINE = echo "skysort: the packages could not be installed; the reason is above. The first start needs the network: behind a mirror set UV_DEFAULT_INDEX and PIP_INDEX_URL, then run the same command again" >&2; exit 1
$(UV): requirements.txt
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || { echo "skysort needs Python 3.11 or newer with its venv module (Debian: apt-get install python3-venv); set PYTHON=/path/to/python3"; exit 1; }
	@echo "setting up .venv/uv, which installs the packages of the other environments"
	@$(PYTHON) -m venv --clear .venv/uv
	@awk '/^[^ ]/ { wanted = /^uv==/ } wanted' $< > .venv/uv/requirements.txt
	@.venv/uv/bin/python -m pip install -qq --disable-pip-version-check --retries 2 --require-hashes --no-deps --only-binary :all: -r .venv/uv/requirements.txt || { $(OFFLINE); }
	@touch $@

.venv/sam/.ready: infra/sam/requirements.txt
.venv/checkov/.ready: tests/infra/checkov.txt
.venv/%/.ready: requirements.txt $(UV)
	@echo "setting up .venv/$*, once: its packages are downloaded and checked, which takes a minute or a few"
	@$(UV) venv --quiet --clear --python "$$(command -v $(PYTHON))" .venv/$*
	@set -o pipefail; $(UV) pip install --python .venv/$* --require-hashes --only-binary :all: $($*_NEEDS) 2>&1 | sed '/^ [+-] /d' || { $(OFFLINE); }
	@$(UV) pip install --python .venv/$* --quiet --no-deps --build-constraints $< --require-build-hashes --editable .
	@$(if $(filter train,$*),.venv/uv/bin/python -m pip --python $(TRAIN) install --disable-pip-version-check --no-compile $(TORCH))
	@touch $@

# ---- use it
run: .venv/run/.ready ## the whole service on this machine: no AWS, no Docker
	@exec $(RUN) -m infra.local $(ARGS)
demo: .venv/run/.ready ## start it, classify rows, tables, pictures and dropped files, show the answers, stop
	@$(RUN) -m infra.local.demo $(ARGS)

# ---- work on it
test: .venv/run/.ready .venv/dev/.ready .venv/train/.ready lint ## lint, types and every test
	@$(TRAIN) -m pytest tests/training
	@$(DEV) -m pytest --ignore tests/training $(ARGS)
lint: .venv/dev/.ready ## ruff and mypy strict
	@$(DEV) -m ruff check $(SOURCES)
	@$(DEV) -m ruff format --check --quiet $(SOURCES)
	@$(DEV) -m mypy
format: .venv/dev/.ready ## format the code
	@$(DEV) -m ruff check --fix-only $(SOURCES)
	@$(DEV) -m ruff format $(SOURCES)

bench: .venv/run/.ready .venv/dev/.ready .venv/train/.ready ## measure latency, throughput, tables and start-up; writes tests/bench/results
	@$(DEV) -m tests.bench $(ARGS)
	@$(DEV) -m tests.bench.readme
bench-images: .venv/dev/.ready .venv/sam/.ready ## weigh the images, measure how their containers start
	@$(DEV) -m infra.containers --record
	@$(DEV) -m tests.bench.containers $(ARGS)
	@$(DEV) -m tests.bench.readme
fuzz: .venv/dev/.ready ## harm files and bodies and hand them to every reader; ARGS="--inputs 1000000 --seed 7"
	@$(DEV) -m tests.fuzz $(ARGS)
train: .venv/dev/.ready ## train, evaluate and export the star model (see model_export/star)
	@for step in train evaluate typicality export; do $(DEV) -m model_export star $$step || exit; done
readme: .venv/run/.ready .venv/dev/.ready openapi ## fill the documents' tables and the output of their commands anew
	@$(DEV) -m tests.bench.readme
	@$(DEV) -m infra.commands.abuse_costs > /dev/null
	@$(DEV) -m infra.commands.bulk_costs > /dev/null
	@UPDATE_README=1 $(DEV) -m pytest --quiet tests/e2e/test_documents.py
openapi: .venv/dev/.ready ## write the OpenAPI document and its page anew from the handlers
	@$(DEV) -m infra.api $(ARGS)
references: .venv/dev/.ready ## renew the samples by which the release hook proves new versions
	@UPDATE_REFERENCES=1 $(DEV) -m pytest --quiet tests/unit/functions/test_reference.py
policies: .venv/dev/.ready ## renew tests/infra/policies.md, every permission of the deployed service
	@$(DEV) -m tests.infra.policies
screenshots: .venv/run/.ready .venv/dev/.ready ## picture every view of the page anew (needs Chromium)
	@$(DEV) -m tests.web.screenshots

# ---- deploy it
base-image: ## the base of the functions' images from Debian's packages, where the public one cannot be pulled
	@infra/containers/base.sh $(or $(SKYSORT_BASE_IMAGE),skysort/base:3.13)
pin-base: .venv/infra/.ready ## pin the public base image to its publisher's present digest (infra/containers/base.txt)
	@$(INFRA) -m infra.containers.base $(ARGS)
images: .venv/infra/.ready ## build the container image of every function and show what each weighs (ARGS=--record keeps it)
	@$(INFRA) -m infra.containers $(ARGS)

bootstrap: ## prepare an AWS account and region for deployments (once)
synth: ## write the CloudFormation templates of STAGE=dev|prod to cdk.out
diff: ## show what a deployment of STAGE would change in AWS
deploy: ## build the images and deploy STAGE to AWS
destroy: ## delete STAGE from AWS, with its data where the stage does not keep it
bootstrap synth diff deploy destroy: .venv/infra/.ready
	@$(INFRA) -m infra.commands.cdk $@ --stage $(STAGE) $(ARGS)
doctor: .venv/infra/.ready ## check before a deployment of STAGE whether it would succeed; changes nothing
	@$(INFRA) -m infra.commands.doctor --stage $(STAGE) $(ARGS)
rollback: .venv/infra/.ready ## take the last deployment of STAGE back: its aliases to the versions before (ARGS=--dry-run)
	@$(INFRA) -m infra.commands.rollback --stage $(STAGE) $(ARGS)
deployer: .venv/dev/.ready ## write the least policies for whoever deploys STAGE (ARGS='-c account=123456789012 -c region=eu-west-1')
	@$(DEV) -m infra.commands.deployer --stage $(STAGE) $(ARGS)
sam: .venv/infra/.ready .venv/sam/.ready ## have the functions ready for `sam local invoke` and `sam local start-api`
	@$(INFRA) -m infra.sam --stage $(STAGE) $(ARGS)
redrive: .venv/infra/.ready ## send MODEL's dead letters of STAGE back to its queue (ARGS=--look names them, --help)
	@$(INFRA) -m infra.commands.redrive $(MODEL) --stage $(STAGE) $(ARGS)

# Versions and hashes only, valid on every Python from 3.11; ARGS=--upgrade takes newer ones. The images go without what
# only the command line needs, and what wheels ask for and serving never imports: XGBoost's Python package (its library
# is called directly) wants scipy, ONNX Runtime's tools want the other two.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url $(ARGS)
lock: $(UV) ## renew the hash-locked requirements from pyproject.toml
	@$(COMPILE) pyproject.toml --extra local --group build --group test --group bench -o requirements.txt
	@$(COMPILE) pyproject.toml --extra rows-drop --extra pictures --extra control --group lambda -c requirements.txt \
		--excludes <(printf '%s\n' httpx rich flatbuffers protobuf scipy) -o functions/requirements.txt
	@$(COMPILE) --group sam -o infra/sam/requirements.txt
	@$(COMPILE) --group checkov -o tests/infra/checkov.txt
clean: ## remove environments, caches and what the local stack left
	@rm -rf .venv cdk.out infra/node_modules .aws-sam .skysort build .mypy_cache .ruff_cache .pytest_cache .hypothesis
