#!/bin/sh
# Moves the aliases as the default branch says, then calls a command for each that has moved.
#
#   ci/gitreg/apply.sh COMMAND...     in a clone with the whole history, after each push to the default branch
#
# COMMAND gets three more arguments: collection, alias, version; the version is empty when the alias was removed. Run one
# at a time. BEFORE, when it is set, is the branch's commit before the push: the policy of that one counts. Exit code 4:
# some moves were refused, 5: some were made impossible by others; the rest is moved all the same.
set -eu

applied=$(mktemp)
trap 'rm -f "$applied"' EXIT
status=0
gitreg apply ${BEFORE:+--base "$BEFORE"} --json >"$applied" || status=$?
[ -s "$applied" ] || exit "$status"

# names hold no blanks; -I keeps Python from importing what lies in this folder
python3 -I -c 'import json, sys
for moved in json.load(sys.stdin)["moved"]:
    print(moved["collection"], moved["alias"], moved["version"] or "")' <"$applied" |
  while read -r collection alias version; do
    "$@" "$collection" "$alias" "$version" </dev/null
  done
exit "$status"
