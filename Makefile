# Every entry point of the repository. `make help` lists the targets.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

PYTHON_VENV := .venv/bin/python
# JUNIT=report.xml writes a JUnit report besides.
PYTEST      := $(PYTHON_VENV) -m pytest $(if $(JUNIT),--junitxml=$(JUNIT))
TERRAFORM   ?= .tools/bin/terraform
SCRIPTS     := setup/*.sh .ci/run

# ─── Start here ───
.PHONY: help
help: ## List all targets
	@awk 'BEGIN { FS = ":.*## " } \
	  /^# ─── / { gsub(/^# ─── | ───$$/, ""); printf "\n\033[1m%s\033[0m\n", $$0 } \
	  /^[a-z-]+:.*## / { printf "  \033[36m%-14s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install Python packages, Terraform, Java and Spark jars into .venv/ and .tools/
	@setup/bootstrap.sh

.PHONY: installed
installed:
	@setup/bootstrap.sh --quiet

.PHONY: demo
demo: installed ## Build the whole domain here, run both pipelines, show the result, take it down
	@$(PYTHON_VENV) -m meshtest.demo demo

# ─── The domain on this machine ───
.PHONY: up
up: installed ## Start the embedded AWS, apply every stack and leave the domain running
	@$(PYTHON_VENV) -m meshtest.demo up

.PHONY: run
run: installed ## Run a project's pipeline in the running domain: make run PROJECT=project01
	@$(PYTHON_VENV) -m meshtest.demo run $(PROJECT)

.PHONY: status
status: installed ## Tell whether the domain is running, and where
	@$(PYTHON_VENV) -m meshtest.emulator status

.PHONY: down
down: installed ## Stop the running domain; its data is gone
	@$(PYTHON_VENV) -m meshtest.emulator stop

# ─── Tests ───
.PHONY: test
test: lint test-unit test-spark test-infra ## Run everything that CI runs

.PHONY: test-unit
test-unit: installed ## Toolkit, embedded AWS, scripts, core without Spark
	$(PYTEST) tests/unit

.PHONY: test-spark
test-spark: installed ## chispa tests of core and of the jobs
	$(PYTEST) tests/spark

.PHONY: test-infra
test-infra: installed ## Plan assertions and the domain end to end; MODULE=s3_bucket for one module
	$(PYTEST) $(if $(MODULE),tests/infra/modules/test_$(MODULE).py,tests/infra)

# ─── Benchmarks ───
.PHONY: bench-plan
bench-plan: installed ## Time the plan suite against stock tftest, terraform test and Terratest's way; ROUNDS=3
	$(PYTHON_VENV) tests/infra/bench_plan.py --rounds $(or $(ROUNDS),3)

# ─── Quality ───
.PHONY: lint
lint: installed ## ruff, mypy, terraform fmt, shellcheck
	$(PYTHON_VENV) -m ruff format --check .
	$(PYTHON_VENV) -m ruff check .
	$(PYTHON_VENV) -m mypy
	$(TERRAFORM) fmt -check -recursive -diff infrastructure
	.venv/bin/shellcheck $(SCRIPTS)

.PHONY: format
format: installed ## Format Python and Terraform
	$(PYTHON_VENV) -m ruff format .
	$(PYTHON_VENV) -m ruff check --fix .
	$(TERRAFORM) fmt -recursive infrastructure

# ─── Maintenance ───
.PHONY: lock
lock: installed ## Resolve the Python dependencies anew (needs the network)
	.venv/bin/uv pip compile pyproject.toml --upgrade --all-extras $(UV_FLAGS) --output-file requirements.lock
	.venv/bin/uv pip compile pyproject.toml --upgrade --extra build $(UV_FLAGS) --output-file requirements-build.lock

UV_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
            --custom-compile-command "make lock"

.PHONY: clean
clean: ## Remove what builds and tests made (what setup installed stays)
	rm -rf build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache
