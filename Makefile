# The two that matter: `make demo` and `make test`. Both do all their set-up (see .ci/setup) and are quick the second time.
# PYTHON=/path/to/python3 chooses the interpreter of a new environment, VENV=dir its place.

VENV ?= .venv
PYTEST_ARGS ?= -n auto --maxprocesses=8 --dist=loadgroup
export VENV

.DEFAULT_GOAL := help
.PHONY: help demo test faults lint format clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: ## set up, then log, train, promote, publish and read back a real model in build/demo
	@.ci/setup demo
	@rm -rf build/demo
	@'$(VENV)/bin/gitreg' demo build/demo

test: ## set up, then check style and types and run the tests
	@.ci/setup test
	@$(MAKE) --no-print-directory lint
	'$(VENV)/bin/python' -m pytest $(PYTEST_ARGS) --faults-table build/faults-bounded.md

faults: ## set up, then try every fault often and at full size (an hour), and write the table build/faults.md
	@.ci/setup test
	GITREG_FAULTS=full '$(VENV)/bin/python' -m pytest $(PYTEST_ARGS) --faults-table build/faults.md tests/faults

lint: ## check style and types
	@.ci/setup test
	'$(VENV)/bin/ruff' check .
	'$(VENV)/bin/ruff' format --check .
	'$(VENV)/bin/mypy'

format: ## rewrite the code as `make lint` wants it
	@.ci/setup test
	'$(VENV)/bin/ruff' check --fix .
	'$(VENV)/bin/ruff' format .

clean: ## remove what the others have made, the environment included
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
