#!/bin/sh
# Builds the golden repository of format 1, by hand: nothing but git plumbing, md5sum and sha256sum, no gitreg.
# Every id in it is fixed (ids.txt). What is written here is what FORMAT.md says a writer writes, byte for byte.
# usage: make.sh DIRECTORY        (which must not exist)
set -eu
if [ $# != 1 ] || [ -e "$1" ]; then echo "usage: make.sh NEW_DIRECTORY" >&2; exit 2; fi
# shellcheck disable=SC2046 # a list of variable names
unset $(git rev-parse --local-env-vars)
LC_ALL=C
export LC_ALL
git init --quiet --object-format=sha1 --initial-branch=main -- "$1"
cd -- "$1"
git config user.name "Ada Example"
git config user.email ada@example.com

# --- the tools ------------------------------------------------------------------------------------------------------

at() { # at MINUTE: everything from here on is made at 2026-01-02T03:MINUTE:05Z
    now="2026-01-02T03:$1:05Z"
    who="Ada Example <ada@example.com> $((1767322805 + (${1#0} - 0) * 60)) +0000"
}
blob() { git hash-object -w --stdin; }
file() { printf '100644 blob %s\t%s\n' "$2" "$1"; }         # file NAME BLOB: an entry for git mktree
folder() { printf '040000 tree %s\t%s\n' "$2" "$1"; }       # folder NAME TREE
commit() { # commit TREE PARENT... < message
    {
        printf 'tree %s\n' "$1"
        shift
        [ $# = 0 ] || printf 'parent %s\n' "$@"
        printf 'author %s\ncommitter %s\n\n' "$who" "$who"
        cat
    } | git hash-object -w -t commit --stdin
}
tag() { # tag NAME COMMIT < message
    { printf 'object %s\ntype commit\ntag %s\ntagger %s\n\n' "$2" "$1" "$who"; cat; } |
        git hash-object -w -t tag --stdin
}
ref() { git update-ref "$1" "$2"; }
hex() { # hex DIGITS: as a YAML string. It is quoted when it starts with a digit
    case $1 in [0-9]*) printf '"%s"' "$1" ;; *) printf %s "$1" ;; esac
}
sum() { "$1" <"$2" | sed 's/ .*//'; }                       # sum md5sum FILE
cache() { # cache FILE SUFFIX: store a file as DVC does, print its md5
    md5=$(sum md5sum "$1")
    mkdir -p ".dvc/cache/files/md5/${md5%"${md5#??}"}"
    cp -- "$1" ".dvc/cache/files/md5/${md5%"${md5#??}"}/${md5#??}$2"
    printf %s "$md5$2"
}
work=.git/golden
mkdir "$work"
artifact() { # artifact NAME: of the files in $work/NAME and the directory object $work/NAME.json; sets the variables
    pointer=$(cache "$work/$1.json" .dir)
    for path in "$work/$1"/*; do cache "$path" "" >/dev/null; done
    (cd "$work/$1" && sha256sum -- *) >"$work/$1.sha256"     # sha256sum and md5sum escape names as 5.4 says
    (cd "$work/$1" && for path in *; do
        md5sum -- "$path" | sed "s/^\(\\\\\{0,1\}[0-9a-f]*\)  /\1  $(($(wc -c <"$path")))  /"
    done) >"$work/$1.files"
    files=$(sed -n '$=' "$work/$1.sha256")
    size=$(($(cat "$work/$1"/* | wc -c)))
    manifest=$(sum sha256sum "$work/$1.sha256")
    printf 'outs:\n- md5: %s\n  size: %s\n  nfiles: %s\n  hash: md5\n  path: %s\n' \
        "$pointer" "$size" "$files" "$1" >"$work/$1.dvc"
    artifacts=$({
        file .gitattributes "$(echo '* -text !filter !diff !merge' | blob)"
        file .gitignore "$(echo "/$1" | blob)"
        file "$1.dvc" "$(blob <"$work/$1.dvc")"
        file "$1.files" "$(blob <"$work/$1.files")"
        [ ! -f "$work/$1.references" ] || file "$1.references" "$(blob <"$work/$1.references")"
        file "$1.sha256" "$(blob <"$work/$1.sha256")"
    } | git mktree)
    tree=$({ folder .dvc "$dvc"; folder artifacts "$artifacts"; } | git mktree)
}

# --- the code -------------------------------------------------------------------------------------------------------

empty=$(git mktree </dev/null)
dvc=$({
    file .gitignore "$(printf '/config.local\n/tmp\n/cache\n' | blob)"
    file config "$(blob </dev/null)"
} | git mktree)

at 00
code=$({ folder .dvc "$dvc"; file train.py "$(echo 'epochs = 5' | blob)"; } | git mktree)
code=$(echo 'train a model' | commit "$code")
ref refs/heads/main "$code"

# --- jumping-monkey-1 logs mnist_dataset:v0, once more with the same content, and ends -------------------------------

mkdir "$work/mnist_dataset"
odd='back\slash
line.csv'
printf '0,1\n1,0\n' >"$work/mnist_dataset/$odd"
printf 'seven\ntwo\n' >"$work/mnist_dataset/labels.csv"
printf '[{"md5": "%s", "relpath": "back\\\\slash\\nline.csv"}, {"md5": "%s", "relpath": "labels.csv"}]' \
    "$(sum md5sum "$work/mnist_dataset/$odd")" "$(sum md5sum "$work/mnist_dataset/labels.csv")" \
    >"$work/mnist_dataset.json"
artifact mnist_dataset
dataset_digest=8cf4da7cad2553bee62720a5c8709d90

at 01
monkey="  schema: 1
  id: k2m8x0pd
  name: jumping-monkey-1
  job_type: load_data
  project: model-registry-dev"
monkey_started="  started: \"$now\""
monkey_code="  code: {commit: $(hex "$code"), snapshot: false}
  config: {}"
at 02
dataset=$(commit "$tree" "$code" <<END
log mnist_dataset (dataset, $files files, $size bytes)

Gitreg-Run: ---
$monkey
  state: running
$monkey_started
$monkey_code
  summary: {}
Gitreg-Artifact: ---
  schema: 1
  collection: mnist_dataset
  type: dataset
  description: "Raw digits: no split"
  metadata: {sizes: [2, 2], source: "https://example.com/mnist?a=1"}
  digest: $(hex "$dataset_digest")
  size: $size
  files: $files
  pointer: $(hex "$pointer")
  manifest: $(hex "$manifest")
END
)
ref refs/tags/mnist_dataset@v0 "$(tag mnist_dataset@v0 "$dataset" <<END
mnist_dataset:v0

Gitreg-Version: ---
  schema: 1
  collection: mnist_dataset
  number: 0
  type: dataset
  digest: $(hex "$dataset_digest")
  size: $size
  files: $files
  manifest: $(hex "$manifest")
  run: k2m8x0pd
END
)"
at 03
ref refs/gitreg/runs/k2/k2m8x0pd "$(commit "$empty" "$dataset" <<END
finish jumping-monkey-1 (finished)

Gitreg-Run: ---
$monkey
  state: finished
$monkey_started
  ended: "$now"
$monkey_code
  summary: {}
  reused:
    - {artifact: mnist_dataset, version: v0, commit: $(hex "$dataset"), digest: $(hex "$dataset_digest")}
END
)"

# --- vague-morning-5 runs uncommitted code, uses mnist_dataset:v0, logs mnist_model:v0 and :v1, and ends -------------

at 04
snapshot=$({ folder .dvc "$dvc"; file train.py "$(echo 'epochs = 50' | blob)"; } | git mktree)
snapshot=$(echo 'snapshot of uncommitted changes' | commit "$snapshot" "$code")
# What YAML parsers trip over, each kind once. Single quotes: the backslashes are YAML's.
config='{optimizer: adam, batch_size: 128, answer: "no", build: "12e5678", lr: 0.001, decay: 1.0e-05, huge: 1.0e+22, '
config=$config'whole: 2.0, threshold: .nan, limit: -.inf, ceiling: .inf, title: "手書き数字", '
config=$config'note: "first line\nsecond line", quoted: "say \"hi\" \\ bye", empty: "", "null": null, "y": [true, "true"], '
config=$config'date: "2026-01-02", octal: "0o17", base60: "1:30", marks: "\u202e\u007f\ufeff\u2028\u0085", '
config=$config'path: data/raw-v1.0+x, nested: {layers: [[784, 10], []], "2": {}}, "key with space": 1}'
morning="  schema: 1
  id: \"3kf9a1xq\"
  name: vague-morning-5
  job_type: train_model
  group: sweep-1
  project: model-registry-dev
  entity: example
  notes: \"two lines\\nof notes\"
  tags: [baseline, \"5 epochs\"]"
morning_started="  started: \"$now\""
morning_code="  code: {commit: $(hex "$snapshot"), snapshot: true}
  config: $config"

mkdir "$work/mnist_model"
printf 'weights 0\n' >"$work/mnist_model/model.bin"
printf '{"layers": 1}\n' >"$work/mnist_model/層.json"
model_json() {
    printf '[{"md5": "%s", "relpath": "model.bin"}, {"md5": "%s", "relpath": "\\u5c64.json"}]' \
        "$(sum md5sum "$work/mnist_model/model.bin")" "$(sum md5sum "$work/mnist_model/層.json")" \
        >"$work/mnist_model.json"
}
model_json
artifact mnist_model
model0_digest=6625c7cb8f18893fdc2c5ff543838da0

model_version() { # model_version NUMBER COMMIT DIGEST
    ref "refs/tags/mnist_model@v$1" "$(tag "mnist_model@v$1" "$2" <<END
mnist_model:v$1

Gitreg-Version: ---
  schema: 1
  collection: mnist_model
  number: $1
  type: model
  digest: $(hex "$3")
  size: $size
  files: $files
  manifest: $(hex "$manifest")
  run: "3kf9a1xq"
END
)"
}
model_record() { # model_record DIGEST
    cat <<END
Gitreg-Artifact: ---
  schema: 1
  collection: mnist_model
  type: model
  metadata: {framework: "手", accuracy: 0.5}
  digest: $(hex "$1")
  size: $size
  files: $files
  pointer: $(hex "$pointer")
  manifest: $(hex "$manifest")
END
}
at 05
model0=$(commit "$tree" "$snapshot" "$dataset" <<END
log mnist_model (model, $files files, $size bytes)

Gitreg-Run: ---
$morning
  state: running
$morning_started
$morning_code
  summary: {loss: 0.75}
  inputs:
    - {artifact: mnist_dataset, version: v0, commit: $(hex "$dataset"), digest: $(hex "$dataset_digest")}
$(model_record "$model0_digest")
END
)
model_version 0 "$model0" "$model0_digest"

printf 'weights 1\n' >"$work/mnist_model/model.bin"
model_json
artifact mnist_model
model1_digest=85b86823817383705aaab77d9c990519
at 06
model1=$(commit "$tree" "$model0" <<END
log mnist_model (model, $files files, $size bytes)

Gitreg-Run: ---
$morning
  state: running
$morning_started
$morning_code
  summary: {loss: 0.5, accuracy: 0.875}
$(model_record "$model1_digest")
END
)
model_version 1 "$model1" "$model1_digest"

at 07
history=$(printf '{\n"_step": [0,1,2],\n"loss": [0.75,"NaN",0.5],\n"val.loss": [null,1.5,1.25],\n"accuracy": {"at":[2],"values":[0.875]}\n}\n' |
    blob)
history=$(folder run "$(file history.json "$history" | git mktree)" | git mktree)
ref refs/gitreg/runs/3k/3kf9a1xq "$(commit "$history" "$model1" <<END
finish vague-morning-5 (finished)

Gitreg-Run: ---
$morning
  state: finished
$morning_started
  ended: "$now"
$morning_code
  summary: {loss: 0.5, accuracy: 0.875}
  metrics: {accuracy: {goal: maximize}, "val/*": {summary: [min, last], step_metric: epoch, hidden: true}}
END
)"

# --- model/MNIST-dev:v0 links mnist_model:v1 ------------------------------------------------------------------------

at 08
ref refs/tags/model/MNIST-dev@v0 "$(tag model/MNIST-dev@v0 "$model1" <<END
model/MNIST-dev:v0

Gitreg-Version: ---
  schema: 1
  collection: model/MNIST-dev
  number: 0
  type: model
  digest: $(hex "$model1_digest")
  size: $size
  files: $files
  manifest: $(hex "$manifest")
  run: "3kf9a1xq"
  link: {artifact: mnist_model, version: v1, commit: $(hex "$model1")}
END
)"

# --- serene-haze-6 uses mnist_model:v1 and fails --------------------------------------------------------------------

at 09
started=$now
at 10
ref refs/gitreg/runs/z0/z0serene "$(commit "$empty" "$code" "$model1" <<END
finish serene-haze-6 (failed)

Gitreg-Run: ---
  schema: 1
  id: z0serene
  name: serene-haze-6
  job_type: evaluate_model
  state: failed
  started: "$started"
  ended: "$now"
  code: {commit: $(hex "$code"), snapshot: false, error: "a file is above 1 MiB: data.bin"}
  config: {}
  summary: {}
  inputs:
    - {artifact: mnist_model, version: v1, commit: $(hex "$model1"), digest: $(hex "$model1_digest")}
END
)"

# --- aliases --------------------------------------------------------------------------------------------------------

tree_of() { git rev-parse --verify --quiet "$1^{tree}"; }
start() { # start COLLECTION ALIAS: the root, at a time and by somebody that are the same everywhere
    collection=$1 alias=$2 seq=0
    who="gitreg <gitreg@localhost> 0 +0000"
    tip=$(echo "alias $1@$2" | commit "$empty")
}
promote() { # promote MINUTE ACTION VERSION COMMIT PREVIOUS_VERSION PREVIOUS_COMMIT [REASON [BY]]; "" is nothing
    at "$1"
    seq=$((seq + 1))
    target=$empty to=nothing
    [ -z "$4" ] || target=$(tree_of "$4") to=$collection@$3
    # shellcheck disable=SC2086 # the commit may be nothing
    tip=$({
        printf '%s -> %s\n\n' "$alias" "$to"
        [ -z "${7-}" ] || printf '%s\n\n' "$7"
        printf 'Gitreg-Alias: ---\n  schema: 1\n  collection: %s\n  alias: %s\n  action: %s\n  seq: %s\n' \
            "$collection" "$alias" "$2" "$seq"
        [ -z "$4" ] || printf '  version: %s\n  commit: %s\n' "$3" "$(hex "$4")"
        [ -z "$6" ] || printf '  previous: {version: %s, commit: %s}\n' "$5" "$(hex "$6")"
        [ -z "${7-}" ] || printf '  reason: "%s"\n' "$7"
        [ -z "${8-}" ] || printf '  by: %s\n' "$8"
    } | commit "$target" "$tip" $4)
    ref "refs/gitreg/aliases/$collection@$alias" "$tip"
}
start mnist_model staging
promote 11 set v0 "$model0" "" ""
promote 12 set v1 "$model1" v0 "$model0" "better on the test set"
promote 13 delete "" "" v1 "$model1" "not needed: see production"

start model/MNIST-dev production
promote 14 set v0 "$model1" "" "" "first release" "{asked: {who: \"Bob <bob@example.com>\", how: declared}, \
approved: [{who: carol, how: verified, at: \"2026-01-02T03:03:00Z\"}], \
merged: {who: \"Bob <bob@example.com>\", commit: $(hex "$code"), how: declared}}
  evidence:
    - {metric: accuracy, value: 0.98, run: \"3kf9a1xq\", commit: $(hex "$model1"), gate: \"accuracy >= 0.97\"}"
promote 15 delete "" "" v0 "$model1"
promote 16 set v0 "$model1" "" "" "back again"

start mnist_model candidate # somebody had put this ref on mnist_model:v0's commit
promote 17 adopt v0 "$model0" "" ""
promote 18 set v1 "$model1" v0 "$model0"

# --- gentle-lake-8 logs web_dataset:v0, most of which is kept elsewhere, and ends -------------------------------------

mkdir "$work/web_dataset"
echo 'see elsewhere' >"$work/web_dataset/readme.txt"
printf '[{"md5": "%s", "relpath": "readme.txt"}]' "$(sum md5sum "$work/web_dataset/readme.txt")" >"$work/web_dataset.json"
printf '1,2\n' >"$work/elsewhere"
cat >"$work/web_dataset.references" <<END
{"path": "labels/a.csv", "uri": "https://example.com/a.csv?v=2", "size": 9, "etag": "W/\"6d1f"}
{"path": "labels/日本.csv", "uri": "file:///share/%E6%97%A5.csv", "size": 4, "md5": "$(sum md5sum "$work/elsewhere")", "sha256": "$(sum sha256sum "$work/elsewhere")"}
{"path": "line\nbreak", "uri": "s3://bucket/set/a b", "size": 7, "etag": "ab12-2", "version": "3/L4kqtJ"}
{"path": "old.csv", "uri": "http://example.com/old.csv", "size": 3, "modified": "Fri, 02 Jan 2026 03:04:05 GMT"}
{"path": "unread", "uri": "file:///share/unread", "size": 2}
END
artifact web_dataset
web_digest=b1e3d6eafd9d9eef5df2844d8b7f6c67
references="{manifest: $(hex "$(sum sha256sum "$work/web_dataset.references")"), files: 5, size: 25}"
at 19
web=$(commit "$tree" "$code" <<END
log web_dataset (dataset, $files files, $size bytes, 5 references)

Gitreg-Run: ---
  schema: 1
  id: w8gentle
  name: gentle-lake-8
  state: running
  started: "$now"
  code: {commit: $(hex "$code"), snapshot: false}
  config: {}
  summary: {rows: 7}
Gitreg-Artifact: ---
  schema: 1
  collection: web_dataset
  type: dataset
  digest: $(hex "$web_digest")
  size: $size
  files: $files
  pointer: $(hex "$pointer")
  manifest: $(hex "$manifest")
  references: $references
  step: 3
END
)
ref refs/tags/web_dataset@v0 "$(tag web_dataset@v0 "$web" <<END
web_dataset:v0

Gitreg-Version: ---
  schema: 1
  collection: web_dataset
  number: 0
  type: dataset
  digest: $(hex "$web_digest")
  size: $size
  files: $files
  manifest: $(hex "$manifest")
  references: $references
  run: w8gentle
END
)"
at 20
ref refs/gitreg/runs/w8/w8gentle "$(commit "$empty" "$web" <<END
finish gentle-lake-8 (finished)

Gitreg-Run: ---
  schema: 1
  id: w8gentle
  name: gentle-lake-8
  state: finished
  started: "2026-01-02T03:19:05Z"
  ended: "$now"
  code: {commit: $(hex "$code"), snapshot: false}
  config: {}
  summary: {rows: 7}
END
)"

# --- what is said of mnist_dataset ----------------------------------------------------------------------------------

about=$(printf 'schema: 1\ndescription: "Digits, 8 x 8"\ntags: [vision, "\346\211\213\346\233\270\343\201\215 2"]\n' | blob)
card=$(printf '# MNIST\n\nFor tests.\n' | blob)
notes=$(printf 'schema: 1\ndescription: ""\ntags: [small]\n' | blob)
said() { file card.md "$card" && file collection.yaml "$about"; }
below() { # below FOLDER FILE: a file about mnist_dataset:v0
    folder "$1" "$(folder 0 "$(file "v0.$dataset.yaml" "$2" | git mktree)" | git mktree)"
}
edit() { # edit MINUTE TREE SUBJECT FIELDS [REASON]: one more commit; FIELDS are those between `action` and `seq`, and after
    at "$1"
    seq=$((seq + 1))
    tip=$({
        printf '%s\n\n' "$3"
        [ -z "${5-}" ] || printf '%s\n\n' "$5"
        printf 'Gitreg-Collection: ---\n  schema: 1\n  collection: mnist_dataset\n'
        printf '%s\n' "$4" | sed "s/SEQ/seq: $seq/; s/^/  /"
        [ -z "${5-}" ] || printf '  reason: "%s"\n' "$5"
    } | commit "$2" "$tip")
}
who="gitreg <gitreg@localhost> 0 +0000"
tip=$(echo "collection mnist_dataset@card" | commit "$empty") seq=0
v0="version: v0
commit: $(hex "$dataset")"
both=$({ said && below versions "$notes"; } | git mktree)
edit 19 "$(said | git mktree)" "mnist_dataset: description, tags, card" "action: edit
SEQ
changed: [description, tags, card]" "what it is"
edit 20 "$both" "mnist_dataset:v0: description, tags" "action: edit
SEQ
$v0
changed: [description, tags]"
at 21
stone=$(printf 'schema: 1\nwhen: "%s"\nby: "Ada Example <ada@example.com>"\nreason: "wrong labels"\n' "$now" | blob)
edit 21 "$({ said && below versions "$notes" && below deleted "$stone"; } | git mktree)" "mnist_dataset:v0: delete" "action: delete
SEQ
$v0" "wrong labels"
edit 22 "$both" "mnist_dataset:v0: undelete" "action: undelete
SEQ
$v0"
ref refs/gitreg/collections/mnist_dataset@card "$tip"

rm -r "$work"
git reset --quiet --hard
