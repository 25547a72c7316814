# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
PORT ?= 0
RUNS ?= 1000
SEED ?= 0

# What the tools keep for the next time stays in the checkout, out of the user's home.
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
export ANSIBLE_REMOTE_TEMP := $(CURDIR)/.cache/ansible/tmp
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip

# The newest first. pyenv's shims are there without an interpreter behind them: each one is tried.
PYTHONS := $(foreach version,3.14 3.13 3.12 3.11,python$(version) \
	$(wildcard $(HOME)/.pyenv/versions/$(version)*/bin/python$(version))) python3

$(VENV)/ready: tests/requirements.txt
	@for python in $(PYTHON) $(PYTHONS); do \
		"$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' \
			>/dev/null 2>&1 || continue; \
		set -e; \
		echo "Making $(VENV) with $$("$$python" --version)" >&2; \
		"$$python" -m venv --clear $(VENV); \
		$(VENV)/bin/python -m pip install -qq -r tests/requirements.txt; \
		touch $@; \
		exit 0; \
	done; \
	echo "No Python 3.11 or newer was found (with its venv and ensurepip modules)." >&2; \
	exit 1

.PHONY: help
help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/ready ## Show the modules at work on an emulated Datadog
	@$(VENV)/bin/python tests/demo/demo.py

.PHONY: test
test: $(VENV)/ready ## Run the checks and the quick tests (5 minutes)
	@$(VENV)/bin/python tests/ci/run.py

.PHONY: test-all
test-all: $(VENV)/ready ## Run every test and check (25 minutes)
	@$(VENV)/bin/python tests/ci/run.py slow

.PHONY: picture
picture: $(VENV)/ready ## Draw the picture of the README anew, from a run
	@$(VENV)/bin/python tests/demo/picture.py

.PHONY: first-steps
first-steps: $(VENV)/ready ## Type what the README's quick start says, in an empty home
	@$(VENV)/bin/nox -s first-steps

.PHONY: docs
docs: $(VENV)/ready ## Build the documentation site in docs/build/html
	@$(VENV)/bin/nox -s docs

.PHONY: random-runs
random-runs: $(VENV)/ready ## Let random runs meet random faults (RUNS=1000 SEED=0)
	@RANDOM_RUNS=$(RUNS) RANDOM_SEED=$(SEED) $(VENV)/bin/nox -s random-runs

.PHONY: benchmark
benchmark: $(VENV)/ready ## Measure the modules against other ways, as Markdown (ARGS="--sizes 10,100")
	@$(VENV)/bin/python tests/benchmark/benchmark.py $(ARGS)

.PHONY: emulator
emulator: $(VENV)/ready ## Start an emulated Datadog on loopback (PORT=N)
	@exec $(VENV)/bin/python tests/emulator --port $(PORT)

.PHONY: build
build: $(VENV)/ready ## Pack the collection
	@$(VENV)/bin/ansible-galaxy collection build --force

.PHONY: clean
clean: ## Remove whatever the other targets made
	rm -rf $(VENV) .cache .nox docs/build tests/output tidyops-datadog-*.tar.gz
