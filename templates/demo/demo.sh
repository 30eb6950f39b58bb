#!/bin/sh
# The demo of gitreg, start to end, in one new folder:  sh demo.sh FOLDER
#
# Every line that is shown with a dollar sign is run exactly as it stands; type them yourself and the same happens.
# Needed on PATH: git, gitreg, sha256sum, and a python3 that has gitreg, numpy and scikit-learn; Graphviz's dot for the
# picture.
set -eu

scripts=$(cd "$(dirname "$0")" && pwd)
from=\'$(printf %s "$scripts" | sed "s/'/'\\\\''/g")\' # quoted, as a shell would read it
[ $# = 1 ] || { echo "usage: sh demo.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
demo=$(pwd)
if [ -n "$(ls -A)" ]; then
  echo "error: '$demo' is not empty" >&2
  exit 1
fi

export GIT_PAGER=cat # nothing waits for a key
bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi
chapter=0
chapter() { chapter=$((chapter + 1)); printf '\n%s%d. %s%s\n' "$bold" "$chapter" "$1" "$plain"; }
say() { printf '   %s\n' "$@"; }
run() { printf '%s$ %s%s\n' "$bold" "$1" "$plain"; eval "$1"; }

echo "gitreg demo in $demo"

chapter "A Git server, a storage for bytes, a clone to work in"
say "A bare repository plays the server, a folder plays the bucket. Git will note that the server is still empty."
run "git init --quiet --bare --initial-branch=main server.git"
run "mkdir storage"
run "git clone --quiet server.git work"
run "cd work"
if ! git config user.email >/dev/null; then
  say "Git does not know you on this machine, so this clone gets a name of its own."
  run "git config user.name 'Demo User'"
  run "git config user.email demo@example.org"
fi
say "The code of the project is a few short scripts."
run "cp $from/*.py $from/demo.sh $from/requirements.txt $from/README.md ."
run "cp $from/gitignore .gitignore"
say "'gitreg init' makes it a DVC project with that storage, and lets 'git push' publish."
run "gitreg init --storage ../storage"
run "git add ."
run "git commit --quiet -m 'recognise handwritten digits'"

chapter "1,797 images become digits_dataset:v0"
run "python3 build_dataset.py"

chapter "Two training runs with different settings become digits_model:v0 and v1"
run "python3 train.py --hidden-units 8 --epochs 12"
run "python3 train.py --hidden-units 64 --epochs 20"
run "gitreg ls digits_model"

chapter "Evaluations on images that neither has seen pick the better one"
v0='' v1=''
# shellcheck disable=SC2016  # the lines are shown before they are run
run 'v0=$(python3 evaluate.py digits_model:v0)'
# shellcheck disable=SC2016
run 'v1=$(python3 evaluate.py digits_model:v1)'
best=digits_model:$(awk "BEGIN { print (($v1 > $v0) ? \"v1\" : \"v0\") }")
run "gitreg runs"

chapter "The better one goes to production"
say "A registered model is a curated list of links; an alias is a ref that moves, with its history."
run "gitreg link $best model/Digits"
run "gitreg alias set model/Digits:production v0 --reason 'better of two on 360 held-out images'"
run "gitreg show model/Digits:production"

chapter "'git push' publishes: bytes to the storage, versions, runs and aliases to the server"
run "git push --quiet --set-upstream origin main"
run "git ls-remote origin"

chapter "Somebody else, in another clone, uses what is in production"
run "cd .."
run "git clone --quiet server.git consumer"
run "cd consumer"
run "gitreg fetch"
run "gitreg get model/Digits:production -o data/model"
say "What are the bytes worth? The manifest is in the Git history, and checking it takes no gitreg."
run "git show refs/gitreg-remotes/origin/aliases/model/Digits@production:artifacts/digits_model.sha256 >data/manifest"
run "(cd data/model && sha256sum -c ../manifest)"
run "gitreg get digits_dataset:v0 -o data/digits"
run "python3 predict.py data/model data/digits"

chapter "Where does it come from?"
say "Lineage is the commit graph: the dataset, the code and the settings that made this model."
run "gitreg lineage model/Digits:production -o ../lineage.svg"
say "And everything there is in this registry:"
run "gitreg lineage --all -o ../everything.svg"
say "All of it is plain Git. The settings and results of the run that made the model:"
run "git log -1 --format='%(trailers:key=Gitreg-Run,valueonly)' $(printf %s "$best" | tr : @)"
say "What production was, newest first, once with gitreg and once with git:"
run "gitreg alias log model/Digits:production"
run "git log --first-parent --format='%h %s' refs/gitreg-remotes/origin/aliases/model/Digits@production"

cd "$demo"
chapter "Done"
say "$demo/work       the clone that trained" \
  "$demo/consumer   the clone that predicted" \
  "$demo/server.git the Git server" \
  "$demo/storage    the bytes, as DVC stores them"
for picture in lineage.* everything.*; do
  if [ -e "$picture" ]; then say "$demo/$picture"; fi
done
echo
say "Go on in $demo/work: change train.py or its settings, train again, compare with 'gitreg runs'." \
  "Its README.md goes through all of this by hand."
