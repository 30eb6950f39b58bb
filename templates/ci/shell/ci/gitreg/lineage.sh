#!/bin/sh
# Draws the lineage of everything into a folder: lineage.svg, and a page to look around in.
#
#   ci/gitreg/lineage.sh FOLDER
set -eu

gitreg fetch
mkdir -p "$1"
gitreg lineage --all -o "$1/lineage.svg"
gitreg lineage --all --html "$1/index.html"
