#!/bin/sh
# Says what a request would move: Markdown on standard output, for a comment or a log.
#
#   ci/gitreg/plan.sh BASE HEAD       in a clone with the whole history, as: plan.sh refs/remotes/origin/main "$COMMIT"
#
# Nothing of the request is run, but whatever runs this script decides whose copy of it that is: take the one of the
# default branch. Exit code 0: nothing would move; 3: aliases would, and may; 4: a gate refuses it, or it cannot be done;
# 1: a file cannot be read.
set -eu

gitreg fetch
gitreg plan --base "$1" --head "$2" --format markdown
