#!/bin/sh
# Fails with exit code 3 when an alias names something else than the files of the default branch say. For a schedule.
set -eu

gitreg fetch
gitreg status --drift
