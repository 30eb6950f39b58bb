# The two that matter: `make demo` and `make test`. Both do all their set-up (see .ci/setup) and are quick the second time.
# PYTHON=/path/to/python3 chooses the interpreter of a new environment, VENV=dir its place; FRAMEWORKS=dir is the place of
# the one with TensorFlow, PyTorch and the like, which only `make test-tutorial` and `make test-frameworks` need, BENCH=dir
# of the one with wandb.

VENV ?= .venv
FRAMEWORKS ?= .venv-frameworks
BENCH ?= .venv-bench
PYTEST_ARGS ?= -n auto --maxprocesses=8 --dist=loadgroup
export VENV

.DEFAULT_GOAL := help
.PHONY: help demo test test-tutorial test-frameworks bench faults lint format clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: ## set up, then log, train, promote, publish and read back a real model in build/demo
	@.ci/setup demo
	@rm -rf build/demo
	@'$(VENV)/bin/gitreg' demo build/demo

test: ## set up, then check style and types and run the tests
	@.ci/setup test
	@$(MAKE) --no-print-directory lint
	'$(VENV)/bin/python' -m pytest $(PYTEST_ARGS) --faults-table build/faults-bounded.md

test-tutorial: ## set up TensorFlow in an environment of its own, then run the tutorial and the tests of Keras
	@VENV='$(FRAMEWORKS)' .ci/setup frameworks
	'$(FRAMEWORKS)/bin/python' -m pytest -n 2 --dist=loadfile tests/tutorial tests/integration/test_keras.py

test-frameworks: ## set up the same, then run the tests of scikit-learn, Lightning, transformers, and a move from MLflow
	@VENV='$(FRAMEWORKS)' .ci/setup frameworks
	'$(FRAMEWORKS)/bin/python' -m pytest tests/integration --ignore=tests/integration/test_keras.py

bench: ## set up wandb in an environment of its own, then measure gitreg beside it (table: build/bench.md)
	@VENV='$(BENCH)' .ci/setup bench
	'$(BENCH)/bin/python' tests/bench/beside_wandb.py --output build/bench.md
	'$(BENCH)/bin/python' tests/bench/history.py
	'$(BENCH)/bin/python' tests/bench/table.py
	@.ci/setup test
	'$(VENV)/bin/python' tests/bench/without_clone.py
	'$(VENV)/bin/python' tests/bench/many_moves.py

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

clean: ## remove what the others have made, the environments included
	rm -rf .venv .venv-frameworks .venv-bench build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
