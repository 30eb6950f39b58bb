#!/bin/sh
# Trains, logs and publishes a model: runs a command, which says what it logs, inside a run.
#
#   ci/gitreg/train.sh --config lr=0.1 -- python train.py
set -eu

gitreg fetch
gitreg run --job-type train "$@"
gitreg push
