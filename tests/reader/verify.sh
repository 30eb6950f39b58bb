#!/bin/sh
# Reads and checks one version in a gitreg registry with git, sha256sum, awk and sed alone (md5sum is used if it is there).
# usage: verify.sh REPOSITORY NAME[:vN|:ALIAS|:latest] [DIRECTORY]
# DIRECTORY holds the artifact's files, or is a DVC cache or storage; its bytes are then checked too.
# Exit: 0 ok, 1 FAILED (the last line says what), 2 usage, 6 not found. The format is gitreg/records/FORMAT.md; its
# sections are named below. This reads the YAML that writers write (3.3), not all that readers may (3.4).
# shellcheck disable=SC2015,SC2046,SC2094 # fail and usage do not return; lists of words; a queue
set -uf
unset $(git rev-parse --local-env-vars) CDPATH
LC_ALL=C GIT_OPTIONAL_LOCKS=0 GIT_NO_REPLACE_OBJECTS=1 GIT_NO_LAZY_FETCH=1 GIT_GRAFT_FILE=/dev/null
export LC_ALL GIT_OPTIONAL_LOCKS GIT_NO_REPLACE_OBJECTS GIT_NO_LAZY_FETCH GIT_GRAFT_FILE
tab=$(printf '\t')
usage() { echo "usage: verify.sh REPOSITORY NAME[:vN|:ALIAS|:latest] [DIRECTORY]" >&2; exit 2; }
say() { printf '%s\n' "$*" | awk '{ gsub(/[[:cntrl:]]|\302[\200-\237]/, "?"); print }'; }
fail() { say "FAILED: $*"; exit 1; }
missing() { echo "not found: $1" >&2; exit 6; }
g() { git --no-pager -c core.fsmonitor= -c core.hooksPath=/dev/null -c core.commitGraph=false -c advice.graftFileDeprecated=false -C "$repo" "$@"; }
is_id() { case $1 in *[!0-9a-f]*) return 1 ;; esac; [ ${#1} = 40 ]; }
segment() { # section 1.1
    s=$1 awk 'BEGIN { s = tolower(ENVIRON["s"]); stem = s; sub(/[.].*/, "", stem)
        exit s !~ /^[a-z0-9_][a-z0-9_.-]*$/ || length(s) > 128 || s ~ /[.][.]|[.]$|[.](lock|dvc|sha256|files|references)$/ ||
            s ~ /^(dvc[.]yaml|dvc[.]lock|head)$/ || stem ~ /^(con|prn|aux|nul|com[1-9]|lpt[1-9])$/ ||
            (s ~ /^[0-9a-f]*$/ && (length(s) == 40 || length(s) == 64)) }'
}
collection() { case $1 in */*) segment "${1%%/*}" && segment "${1#*/}" ;; *) segment "$1" ;; esac; }
number() { case $1 in 0) ;; '' | 0* | *[!0-9]* | ??????????*) return 1 ;; esac; }
ref() { g show-ref --verify --quiet -- "$1" && oid=$(g show-ref --verify --hash -- "$1") && where=$1; } # no revision syntax
object() { # object TYPE ID: read it into $tmp/raw; an object that is not what its id says is not used
    g cat-file "$1" "$2" >"$tmp/raw" 2>/dev/null || return 1
    [ "$(g hash-object -t "$1" --stdin <"$tmp/raw" 2>/dev/null)" = "$2" ] || fail "$1 $2 is corrupt"
}
blob() { id=$(g rev-parse --verify --quiet "$commit:$1") && object blob "$id" || fail "$commit has no readable $1"; }
record() { # record KEY FILE: the trailer's values as lines "path<tab>value"; 1 when $tmp/raw has none. Section 3
    awk -v key="$1" '
        function bad() { exit 4 }
        function put(path, value) { if (path in seen) bad(); seen[path] = 1; print path "\t" value }
        function space() { sub(/^ +/, "", rest) }
        function eat(c) { space(); if (substr(rest, 1, 1) != c) return 0; rest = substr(rest, 2); return 1 }
        function scalar(   t) {
            if (!match(rest, /^"([^"\\]|\\.)*"/) && !match(rest, /^[^]["{},: ]+/)) bad()
            t = substr(rest, 1, RLENGTH); rest = substr(rest, RLENGTH + 1)
            return t ~ /^"[^\\]*"$/ ? substr(t, 2, length(t) - 2) : t    # with escapes it stays as it is written
        }
        function value(path,   name, i) {
            space()
            if (eat("{")) { if (eat("}")) return
                do { space(); name = scalar(); if (!eat(":")) bad(); value(path "." name) } while (eat(",")); if (!eat("}")) bad()
            } else if (eat("[")) { if (eat("]")) return
                do value(path "." i++); while (eat(",")); if (!eat("]")) bad()
            } else put(path, scalar())
        }
        !body { body = $0 == ""; next }
        /^-----BEGIN / { exit }                                        # the signature of a tag
        /^[ \t]*$/ { blank = 1; next }
        { if (blank) n = 0; blank = 0; line[++n] = $0 }
        END {
            for (i = 1; i <= n; i++) {
                if (index(tolower(line[i]), tolower(key) ":") == 1) { if (found++ || line[i] != key ": ---") exit 4; on = 1; continue }
                if (substr(line[i], 1, 2) != "  ") on = 0
                if (!on) continue
                rest = substr(line[i], 3)
                if (rest ~ /[[:cntrl:]]/) exit 4
                if (rest ~ /^  - /) { rest = substr(rest, 5); if (list == "") exit 4; value(list "." items++) }
                else {
                    name = scalar(); list = ""
                    if (name in top || !eat(":")) exit 4
                    top[name] = 1
                    if (rest == "") { list = name; items = 0; continue }
                    if (name ~ /^(config|summary|metadata|notes|description|tags|reason|by)$/) continue   # not needed here
                    value(name)
                }
                space(); if (rest != "") exit 4
            }
            exit found ? 0 : 3
        }' "$tmp/raw" >"$tmp/$2"
    case $? in 0) ;; 3) return 1 ;; *) fail "$1 of ${3-$commit} is not well-formed" ;; esac
    [ "$(field "$2" schema)" = 1 ] || fail "$1 of ${3-$commit} has schema $(field "$2" schema); this reads schema 1"
}
field() { awk -F '\t' -v p="$2" '$1 == p { print $2 }' "$tmp/$1"; }
same() { [ "$(field "$1" "$3")" = "$(field "$2" "$4")" ] || fail "$3 of the $1 and $4 of the $2 disagree: $(field "$1" "$3"), $(field "$2" "$4")"; }
is() { [ "$(field "$1" "$2")" = "$3" ] || fail "$2 of the $1 is $(field "$1" "$2"), not $3"; }
parents() { sed -n '/^$/q; s/^parent //p' "$tmp/raw"; }
tree() { sed -n 's/^tree //p; q' "$tmp/raw"; }
cut() { # a commit that is not here: the edge of a shallow clone is said, anything else is damage
    [ "$(g rev-parse --is-shallow-repository)" = true ] || fail "commit $1 is missing"
    say "cut $1"
}
run() { # run COMMIT: follow its run over first parents to the code (4.2, 4.5); what it used is appended to $tmp/used
    at=$1 id='' code=''
    while object commit "$at" || { cut "$at"; return; }; do
        record Gitreg-Run step "$at" || fail "commit $at is on a run, and has no Gitreg-Run"
        if [ -z "$code" ]; then id=$(field step id) code=$(field step code.commit); cat "$tmp/step" >"$tmp/run"; fi
        [ "$(field step id) $(field step code.commit)" = "$id $code" ] || fail "commit $at belongs to another run than $id"
        awk -F '\t' '{ split($1, k, "."); if (k[1] != "inputs") next; if (!(k[2] in seen)) order[n++] = k[2]; seen[k[2]]; v[k[2], k[3]] = $2 }
            END { for (i = 0; i < n; i++) { j = order[i]; print v[j, "commit"] "\t" v[j, "artifact"] ":" v[j, "version"] "\t" v[j, "digest"] } }
            ' "$tmp/step" >"$tmp/inputs"
        parents >"$tmp/parents"
        previous=$(sed 1q "$tmp/parents")
        { echo "$previous"; sed "s/$tab.*//" "$tmp/inputs"; } | awk '!seen[$0]++' >"$tmp/expected"
        [ "$(cat "$tmp/parents")" = "$(cat "$tmp/expected")" ] || fail "parents of $at are not its previous commit and inputs"
        cat "$tmp/inputs" >>"$tmp/used"
        [ "$previous" != "$code" ] || break
        at=$previous
    done
    g cat-file -e "$code^{commit}" 2>/dev/null || cut "$code"
}
root() { # root MESSAGE: the commit that a chain starts at (7.1)
    printf 'tree %s\nauthor %s\ncommitter %s\n\n%s\n' "$(g hash-object -t tree --stdin </dev/null)" \
        'gitreg <gitreg@localhost> 0 +0000' 'gitreg <gitreg@localhost> 0 +0000' "$1" | g hash-object -t commit --stdin
}
find_tag() { # find_tag NUMBER [COMMIT]: the version's tag object, a draft first (2.1)
    for where in "refs/gitreg/drafts/$name@v$1" "refs/tags/$name@v$1"; do
        ref "$where" || continue
        object tag "$oid" || fail "$where is not an annotated tag"
        [ -z "${2-}" ] || [ "$(sed -n 's/^object //p; q' "$tmp/raw")" = "$2" ] || continue
        return 0
    done
    return 1
}

[ $# = 2 ] || [ $# = 3 ] || usage
repo=$1 name=${2%%:*} wanted=latest directory=${3-}
case $2 in *:*) wanted=${2#*:} ;; esac
[ -n "$repo" ] && collection "$name" && segment "$wanted" && [ ${#wanted} -le 64 ] || usage
[ $# = 2 ] || [ -d "$directory" ] || usage
case $directory in '' | /*) ;; *) directory=$PWD/$directory ;; esac
tmp=$(mktemp -d) && tmp=$(cd -- "$tmp" && pwd) || exit 1
trap 'rm -rf -- "$tmp"' EXIT
trap 'exit 130' INT TERM
[ "$(g rev-parse --show-object-format 2>/dev/null)" = sha1 ] || fail "'$repo' is not a Git repository with SHA-1 ids"
remote=$(g config --get gitreg.remote || echo origin)
segment "$remote" || fail "gitreg.remote is not a plain name: $remote"
published=refs/gitreg-remotes/$remote

# --- what is deleted: section 11. Edits here that are not published do not undo those of others ---
: >"$tmp/deleted"
for card in "refs/gitreg/collections/$name@card" "$published/collections/$name@card"; do
    ref "$card" || continue
    what="card of $name" at=$oid seq='' root=$(root "collection $name@card")
    while [ "$at" != "$root" ]; do
        object commit "$at" || { cut "$at"; break; }
        record Gitreg-Collection edit "$at" || fail "$what was moved by hand: $at is not an edit"
        is edit collection "$name"
        number "$(field edit seq)" && [ "$(field edit seq)" -eq "${seq:-$(field edit seq)}" ] || fail "$what is not in sequence at $at"
        case $(field edit action) in
        edit) ;;
        delete | undelete) number "$(field edit version | sed 's/^v//')" && is_id "$(field edit commit)" || fail "$what: $at deletes no version" ;;
        *) fail "$what: unknown action $(field edit action) in $at" ;;
        esac
        [ -n "$seq" ] || g ls-tree -r --name-only "$at" -- deleted/ >>"$tmp/deleted"
        seq=$(($(field edit seq) - 1))
        set -- $(parents)
        [ $# = 1 ] || fail "$what: $at has $# parents"
        at=$1
        { [ "$seq" = 0 ] && [ "$at" = "$root" ]; } || { [ "$seq" -gt 0 ] && [ "$at" != "$root" ]; } || fail "$what does not start at its root $root"
    done
done
deleted() { grep -qxF "deleted/$(($1 / 100))/v$1.$(sed -n 's/^object //p; q' "$tmp/raw").yaml" "$tmp/deleted"; }

# --- which version ---
n='' target='' alias=''
case $wanted in
latest) # 1.4
    for at in $(g for-each-ref --format='%(refname)' "refs/gitreg/drafts/$name@v*" "refs/tags/$name@v*" | sed 's/.*@v//' |
        awk '/^(0|[1-9][0-9]*)$/ && length($0) < 10' | sort -rnu); do
        find_tag "$at" && ! deleted "$at" && n=$at && break
    done
    [ -n "$n" ] || missing "$name has no version" ;;
v*) number "${wanted#v}" && n=${wanted#v} ;;
esac
if [ -z "$n" ]; then # an alias: section 7
    alias=$wanted
    ref "refs/gitreg/aliases/$name@$alias" || ref "$published/aliases/$name@$alias" || missing "$name:$alias"
    what="alias $name@$alias" at=$oid seq=''
    root=$(root "alias $name@$alias")
    [ "$at" != "$root" ] || missing "$name:$alias"
    while [ "$at" != "$root" ]; do
        object commit "$at" || { cut "$at"; break; }
        record Gitreg-Alias move "$at" || fail "$what was moved by hand: $at is not a promotion commit"
        [ "$(field move collection)@$(field move alias)" = "$name@$alias" ] || fail "$what holds a record of another alias: $at"
        number "$(field move seq)" && [ "$(field move seq)" -eq "${seq:-$(field move seq)}" ] || fail "$what is not in sequence at $at"
        [ -z "$seq" ] || [ "$earlier" = "$(field move version) $(field move commit)" ] || fail "$what: previous is not what $at says"
        earlier="$(field move previous.version) $(field move previous.commit)"
        action=$(field move action) to=$(field move commit) tree=$(tree)
        set -- $(parents) ''
        case $action in
        set | adopt) is_id "$to" && [ "${2-}" = "$to" ] && [ $# = 3 ] || fail "$what: second parent of $at is not the version it names"
            object commit "$to" || fail "commit $to is missing" ;;
        delete) [ $# = 2 ] && [ -z "$to" ] || fail "$what: $at removes it, and names a version"
            echo "tree $(g hash-object -t tree --stdin </dev/null)" >"$tmp/raw" ;;
        *) fail "$what: unknown action $action in $at" ;;
        esac
        [ "$tree" = "$(tree)" ] || fail "$what: tree of $at is not the version's"
        [ -n "$seq" ] || { top=$(field move seq) target=$to version=$(field move version); }
        seq=$(($(field move seq) - 1)) at=$1
        { [ "$seq" = 0 ] && [ "$at" = "$root" ]; } || { [ "$seq" -gt 0 ] && [ "$at" != "$root" ]; } || fail "$what does not start at its root $root"
    done
    [ "$seq" != 0 ] || [ "$earlier" = " " ] || fail "$what: its first record has a previous one"
    [ -n "$target" ] || missing "$name:$alias, which was removed"
    number "${version#v}" && n=${version#v} || fail "$what names no version: $version"
    find_tag "$n" "$target" || fail "$what names v$n, whose tag is missing or on another commit than $target"
    say "alias $name@$alias $top"
else
    find_tag "$n" || missing "$name:v$n"
    ! deleted "$n" || missing "$name:v$n, which was deleted"
fi

# --- the tag: section 6 ---
what="tag $where" commit=$(sed -n 's/^object //p; q' "$tmp/raw")
[ "$(sed -n '2,3p' "$tmp/raw")" = "type commit
tag $name@v$n" ] && is_id "$commit" || fail "$what: its header says $(sed -n 's/^tag //p; /^$/q' "$tmp/raw")"
[ "$(sed '1,/^$/d' "$tmp/raw" | sed 1q)" = "$name:v$n" ] || fail "$what: its subject is not $name:v$n"
record Gitreg-Version version "$where" || fail "$what has no Gitreg-Version"
is version collection "$name"
is version number "$n"
say "version $name:v$n"
say "tag $oid"
say "commit $commit"

# --- the commit: sections 4 and 5 ---
object commit "$commit" || fail "commit $commit is missing"
record Gitreg-Artifact artifact || fail "commit $commit has no Gitreg-Artifact"
for key in type digest size files manifest references.manifest references.files references.size; do same version artifact $key $key; done
source=$(field artifact collection) base=${source##*/}
collection "$source" || fail "collection of the artifact is not a name: $source"
if [ -n "$(field version link.commit)" ]; then
    is version link.commit "$commit"
    same version artifact link.artifact collection
    say "link $source:$(field version link.version)"
else is artifact collection "$name"; fi
say "type $(field artifact type)"
say "digest $(field artifact digest)"
: >"$tmp/used"
run "$commit"
same version run run id
id=$(field run id)
segment "$id" && [ ${#id} -le 64 ] || fail "run id is not a name: $id"
two=${id%"${id#??}"}
if ref "refs/gitreg/runs/$two/$id" || ref "$published/runs/$two/$id"; then
    object commit "$oid" && record Gitreg-Run last "$oid" && [ "$(field last id)" = "$id" ] || fail "$where is not the run $id"
    g rev-list --first-parent "$oid" | awk -v c="$commit" '$0 == c { found = 1 } END { exit !found }' || fail "$where lacks the commit of $name:v$n"
else cat "$tmp/run" >"$tmp/last"; fi
say "run $id $(field run name) $(field last state)"
say "code $(field run code.commit)"

# --- where it comes from: every commit upstream once ---
sed "s/^/input$tab/" "$tmp/used" | awk -F '\t' '!seen[$2]++' >"$tmp/todo"
seen=" $commit " kind=input
while IFS=$tab read -r kind up label digest; do
    case $seen in *" $up "*) continue ;; esac
    seen="$seen$up "
    is_id "$up" || fail "input $label has no commit"
    object commit "$up" || { cut "$up"; continue; }
    record Gitreg-Artifact above "$up" || fail "input $label: $up has no Gitreg-Artifact"
    [ "$(field above digest)" = "$digest" ] || fail "input $label: its digest is not that of $up"
    [ "$kind" = input ] && say "input $label $up" || say "ancestor $(field above collection) $up"
    : >"$tmp/used"
    cat "$tmp/run" >"$tmp/kept"
    run "$up"
    cat "$tmp/kept" >"$tmp/run"
    sed "s/^/ancestor$tab/" "$tmp/used" >>"$tmp/todo" # read by this very loop
done <"$tmp/todo"

# --- the tree: 5.1 ---
part() { # part SUFFIX: the manifest or listing, which is a DVC object of its own above 1 MiB (5.5)
    case $paths in *"artifacts/$base.$1.dvc"*) ;; *) blob "artifacts/$base.$1"; cat "$tmp/raw" >"$tmp/$1"; return ;; esac
    blob "artifacts/$base.$1.dvc"
    md5=$(sed -n "s/^- md5: ['\"]\{0,1\}\([0-9a-f]*\)['\"]\{0,1\}$/\1/p" "$tmp/raw")
    [ ${#md5} = 32 ] && [ -d "$directory/files/md5" ] || fail "$base.$1 is a DVC object of its own: name the storage it is in"
    cat "$directory/files/md5/${md5%"${md5#??}"}/${md5#??}" >"$tmp/$1" || fail "$base.$1 is missing in the storage"
    ignored="$ignored/$base.$1
"
}
paths=$(g ls-tree -r "$commit" | sed "s/ [0-9a-f]*$tab/ /")
ignored="/$base
"
part sha256
part files
listed=''
case $paths in *"artifacts/$base.references"*) part references; listed=y ;; *) : >"$tmp/references" ;; esac
[ "${listed:+$(sha256sum <"$tmp/references" | sed 's/ .*//')}" = "$(field artifact references.manifest)" ] ||
    fail "references of $commit are not those that were recorded"
blob artifacts/.gitignore
[ "$(cat "$tmp/raw"; echo x)" = "${ignored}x" ] || fail ".gitignore of $commit is not what it has to be"
blob artifacts/.gitattributes
[ "$(cat "$tmp/raw")" = '* -text !filter !diff !merge' ] || fail ".gitattributes of $commit is not what it has to be"
case $ignored in *.files*) files=.files.dvc ;; *) files=.files ;; esac
case $ignored in *.sha256*) manifest=.sha256.dvc ;; *) manifest=.sha256 ;; esac
case $ignored in *.references*) references=.references.dvc ;; *) references=.references ;; esac
[ "$paths" = "$(printf '100644 blob %s\n' .dvc/.gitignore .dvc/config artifacts/.gitattributes artifacts/.gitignore \
    "artifacts/$base.dvc" "artifacts/$base$files" ${listed:+"artifacts/$base$references"} "artifacts/$base$manifest")" ] || fail "tree of $commit holds other paths than it has to"
blob "artifacts/$base.dvc"
# DVC quotes names such as 007, and puts a long one on a line of its own.
[ "$(sed "s/['\"]//g; /^  path: *\$/{ N; s/ *\n */ /; }" "$tmp/raw")" = "outs:
- md5: $(field artifact pointer)
  size: $(field artifact size)
  nfiles: $(field artifact files)
  hash: md5
  path: $base" ] || fail "pointer of $commit disagrees with its record"
[ "$(sha256sum <"$tmp/sha256" | sed 's/ .*//')" = "$(field artifact manifest)" ] || fail "manifest of $commit is not the one that was recorded"

# --- manifest and listing: 5.2 to 5.4. Makes the directory object, the text of the digest, and a check of a storage ---
: >"$tmp/directory" && : >"$tmp/digest" && : >"$tmp/objects"
why=$(cd -- "$tmp" && awk -v out="$tmp/" -v size="$(field artifact size)" -v files="$(field artifact files)" \
    -v told_refs="$(field artifact references.files)" -v told_size="$(field artifact references.size)" '
    function bad(what) { if (!status) print what ": line " FNR; status = 1; exit 1 }
    function base64(hex,   i, bits, text) {
        for (i = 1; i <= 33; i += 3) {
            bits = (hexval(hex, i) * 16 + hexval(hex, i + 1)) * 16 + hexval(hex, i + 2)
            text = text substr(alphabet, int(bits / 64) + 1, 1) (i < 33 ? substr(alphabet, bits % 64 + 1, 1) : "")
        }
        return text "=="
    }
    function hexval(hex, i) { return i > length(hex) ? 0 : index("0123456789abcdef", substr(hex, i, 1)) - 1 }
    function unescape(path,   i, c, text) {
        for (i = 1; i <= length(path); i++) {
            c = substr(path, i, 1)
            if (c == "\\") { c = substr(path, ++i, 1); if (c == "n") c = "\n"; else if (c == "r") c = "\r"; else if (c != "\\") bad("escape") }
            text = text c
        }
        return text
    }
    function json(path,   i, c, b, more, text) {                       # as json.dumps of Python: ASCII, surrogate pairs
        if (path !~ /[^ -~]|["\\]/) return "\"" path "\""
        for (i = 1; i <= length(path); i++) {
            c = substr(path, i, 1); b = ord[c]
            if (c in named) text = text "\\" named[c]
            else if (b >= 32 && b < 127) text = text c
            else {
                more = b < 128 ? 0 : b < 194 ? bad("not UTF-8") : b < 224 ? 1 : b < 240 ? 2 : b < 245 ? 3 : bad("not UTF-8")
                if (more) b -= more == 1 ? 192 : more == 2 ? 224 : 240
                while (more--) { c = ord[substr(path, ++i, 1)]; if (c < 128 || c > 191) bad("not UTF-8"); b = b * 64 + c - 128 }
                text = text (b < 65536 ? sprintf("\\u%04x", b) : sprintf("\\u%04x\\u%04x", 55296 + int((b - 65536) / 1024), 56320 + b % 1024))
            }
        }
        return "\"" text "\""
    }
    function control(digits) { digits = tolower(digits); return sprintf("%c", hexval(digits, 3) * 16 + hexval(digits, 4)) }
    function text_of(quoted,   i, c, text) {                            # a string of JSON
        for (i = 2; i < length(quoted); i++) {
            c = substr(quoted, i, 1)
            if (c != "\\") { text = text c; continue }
            c = substr(quoted, ++i, 1)
            if (c in plain) text = text plain[c]
            else if (substr(quoted, i, 5) ~ /^u00[01][0-9a-f]$/) { text = text control(substr(quoted, i + 1, 4)); i += 4 }
            else bad("escape")
        }
        return text
    }
    function object(rest,   key) {                                      # a flat object of JSON, as 5.7 has it
        split("", part)
        if (!sub(/^[{]/, "", rest)) bad("reference")
        do {
            if (!match(rest, /^"[a-z0-9]+": /)) bad("reference")
            key = substr(rest, 2, RLENGTH - 4); rest = substr(rest, RLENGTH + 1)
            if (match(rest, /^"([^"\\]|\\.)*"/)) part[key] = text_of(substr(rest, 1, RLENGTH))
            else if (match(rest, /^[0-9]+/)) part[key] = substr(rest, 1, RLENGTH)
            else bad("reference")
            rest = substr(rest, RLENGTH + 1)
        } while (sub(/^, /, "", rest))
        if (rest != "}") bad("reference")
    }
    function check(path, last) {
        if (("/" tolower(path) "/") ~ /\/\/|\/\.\.?\/|\/\.git\/|^\/[a-z]:/) bad("unsafe path")
        if (last != "" && !(path "" > last "")) bad("not sorted")
        if (tolower(path) in lower) bad("differs by case alone")
        lower[tolower(path)]
        for (parent = path; sub(/\/[^\/]*$/, "", parent);) parents[parent]
    }
    function summed(uri,   found) {                                     # base64 of its md5
        printf "%s", uri >(out "uri"); close(out "uri")
        "md5sum <uri 2>/dev/null" | getline found; close("md5sum <uri 2>/dev/null")
        return base64(substr(found, 1, 32))
    }
    BEGIN {
        plain["\""] = "\""; plain["\\"] = "\\"; plain["n"] = "\n"; plain["r"] = "\r"
        plain["t"] = "\t"; plain["b"] = "\b"; plain["f"] = "\f"
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (i = 1; i < 256; i++) ord[sprintf("%c", i)] = i
        named["\""] = "\""; named["\\"] = "\\"; named["\n"] = "n"; named["\r"] = "r"; named["\t"] = "t"; named["\b"] = "b"; named["\f"] = "f"
        printf "[" >(out "directory"); print "wandb-artifact-manifest-v1" >(out "digest")
    }
    FILENAME == out "references" {
        object($0)
        check(part["path"], elsewhere[refs])
        if (part["path"] in value || part["path"] in parents) bad("reference and file of one path")
        elsewhere[++refs] = part["path"]
        bytes_elsewhere += part["size"]
        if ("etag" in part) value[part["path"]] = part["etag"]
        else if ("md5" in part) value[part["path"]] = base64(part["md5"])
        else value[part["path"]] = tolower(part["uri"]) ~ /^file:/ ? summed(part["uri"]) : part["uri"]
        next
    }
    {
        escaped = sub(/^\\/, "")
        second = FILENAME == out "files"
        width = second ? 32 : 64
        sum = substr($0, 1, width)
        if (length(sum) != width || sum !~ /^[0-9a-f]*$/ || substr($0, width + 1, 2) != "  ") bad("not a checksum line")
        rest = substr($0, width + 3)
        if (second) { bytes = rest; sub(/ .*/, "", bytes); if (bytes !~ /^(0|[1-9][0-9]*)$/) bad("no size"); rest = substr(rest, length(bytes) + 3) }
        if (!escaped && rest ~ /[\\\r]/) bad("not escaped")
        path = escaped ? unescape(rest) : rest
    }
    !second {
        check(path, line[count])
        line[++count] = path; sha[count] = sum
    }
    second {
        if (line[++other] "" != path "") bad("manifest and listing differ")
        if (path in parents) bad("a file is a directory as well")
        total += bytes
        printf "%s{\"md5\": \"%s\", \"relpath\": %s}", (other > 1 ? ", " : ""), sum, json(path) >(out "directory")
        value[path] = base64(sum)
        print sha[other] "  files/md5/" substr(sum, 1, 2) "/" substr(sum, 3) >(out "objects")
    }
    END {
        if (!status && (other + 0 != count + 0 || count + 0 != files || total + 0 != size)) { print "number or size of the files"; status = 1 }
        printf "]" >(out "directory")
        for (a = b = 0; !status && (a < count + 0 || b < refs + 0);) {
            if (b == refs + 0 || (a < count + 0 && line[a + 1] "" < elsewhere[b + 1] "")) path = line[++a]; else path = elsewhere[++b]
            if (path in parents && !status) { print "a file is a directory as well"; status = 1 }
            print path ":" value[path] >(out "digest")
        }
        if (!status && (refs + 0 != told_refs + 0 || bytes_elsewhere + 0 != told_size + 0)) { print "number or size of the references"; status = 1 }
        exit status
    }' "$tmp/sha256" "$tmp/files" "$tmp/references") || fail "manifest or listing of $commit: $why"
if command -v md5sum >/dev/null; then
    [ "$(md5sum <"$tmp/directory" | sed 's/ .*//').dir" = "$(field artifact pointer)" ] || fail "pointer of $commit is not that of its listing"
    [ "$(md5sum <"$tmp/digest" | sed 's/ .*//')" = "$(field artifact digest)" ] || fail "digest of $commit is not that of its listing"
fi
awk '{ gsub(/[[:cntrl:]]|\302[\200-\237]/, "?"); bs = sub(/^\\/, "") ? "\\" : ""; print "file " bs substr($0, 1, 64) " " substr($0, 67) }' "$tmp/sha256"

# --- the bytes ---
if [ -n "$directory" ]; then
    check=$tmp/sha256
    if [ -d "$directory/files/md5" ]; then
        check=$tmp/objects pointer=$(field artifact pointer)
        echo "$(sha256sum <"$tmp/directory" | sed 's/ .*//')  files/md5/${pointer%"${pointer#??}"}/${pointer#??}" >>"$check"
    fi
    [ ! -s "$check" ] || (cd -- "$directory" && sha256sum -c "$check") >"$tmp/checked" 2>/dev/null ||
        fail "bytes in the directory are wrong or missing: $(sed '/: OK$/d' "$tmp/checked" | sed 1q)"
fi
echo ok
