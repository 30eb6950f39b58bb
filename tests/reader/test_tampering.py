"""The reader that shares no line with gitreg says what was tampered with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from answers import Answer, assert_failed, cache_of


def test_a_flipped_byte_in_the_cache_is_found(golden: Path, verify: Callable[..., Answer]) -> None:
    path = next(path for path in cache_of(golden).rglob("*") if path.is_file() and path.read_bytes() == b"weights 1\n")
    path.write_bytes(b"weights 2\n")
    md5 = path.parent.name + "/" + path.name
    assert_failed(verify(golden, "mnist_model:v1", cache_of(golden)), f"bytes .*files/md5/{md5}")


@pytest.mark.parametrize("which", ["weights 1\n", '[{"md5"'])
def test_an_object_that_the_cache_lacks_is_missed(golden: Path, verify: Callable[..., Answer], which: str) -> None:
    for path in cache_of(golden).rglob("*"):
        if path.is_file() and path.read_text().startswith(which):
            path.unlink()
    assert_failed(verify(golden, "mnist_model:v1", cache_of(golden)), "bytes .*missing")


TAMPERED = {
    "a tag on another ref": (
        "mnist_model:v2",
        "git update-ref refs/tags/mnist_model@v2 refs/tags/mnist_model@v1",
        "header says mnist_model@v1",
    ),
    "a lightweight tag": (
        "mnist_model:v2",
        "git update-ref refs/tags/mnist_model@v2 mnist_model@v1^0",
        "not an annotated tag",
    ),
    "a tag whose record names another number": (
        "mnist_model:v1",
        "retag mnist_model@v1 's/number: 1/number: 2/'",
        "number of the version is 2, not 1",
    ),
    "a tag whose record names another collection": (
        "mnist_model:v1",
        "retag mnist_model@v1 's/collection: .*/collection: other/'",
        "collection of the version is other",
    ),
    "a tag that was put on another version's commit": (
        "mnist_model:v1",
        'retag mnist_model@v1 "s/^object .*/object $(git rev-parse mnist_model@v0^0)/"',
        "digest of the version and digest of the artifact disagree",
    ),
    "a tag that names another run": (
        "mnist_model:v1",
        "retag mnist_model@v1 's/run: .*/run: k2m8x0pd/'",
        "run of the version and id of the run disagree",
    ),
    "a tag with a record of a newer schema": (
        "mnist_model:v1",
        "retag mnist_model@v1 's/schema: 1/schema: 2/'",
        "schema 2",
    ),
    "a tag with two records": (
        "mnist_model:v1",
        "retag mnist_model@v1 '$a\\Gitreg-Version: ---\\n  schema: 1'",
        "Gitreg-Version .*not well-formed",
    ),
    "a link to another commit than it says": (
        "model/MNIST-dev:v0",
        """retag model/MNIST-dev@v0 "s/\\(version: v1, commit: \\).*/\\1$(git rev-parse mnist_model@v0^0)}/" """,
        "link.commit of the version is",
    ),
    "an alias that was moved by hand": (
        "mnist_model:candidate",
        "git update-ref refs/gitreg/aliases/mnist_model@candidate mnist_model@v0^0",
        "moved by hand",
    ),
    "an alias that borrows another's chain": (
        "mnist_model:production",
        "git update-ref refs/gitreg/aliases/mnist_model@production refs/gitreg/aliases/mnist_model@candidate",
        "another alias",
    ),
    "an alias without its root": (
        "mnist_model:candidate",
        """a=refs/gitreg/aliases/mnist_model@candidate
        before=$(git rev-parse $a^1) main=$(git rev-parse main)
        again mnist_model@candidate "s/seq: 2/seq: 1/; /previous/d; s/^parent $before/parent $main/" """,
        "does not start at its root",
    ),
    "an alias that skips a record": (
        "mnist_model:candidate",
        """again mnist_model@candidate 's/seq: 2/seq: 3/' """,
        "not in sequence",
    ),
    "an alias whose second parent is another version": (
        "mnist_model:candidate",
        """v0=$(git rev-parse mnist_model@v0^0) v1=$(git rev-parse mnist_model@v1^0)
        again mnist_model@candidate "s/^parent $v1/parent $v0/" """,
        "second parent",
    ),
    "an alias with the tree of another version": (
        "mnist_model:candidate",
        """again mnist_model@candidate "s/^tree .*/tree $(git rev-parse mnist_model@v0^{tree})/" """,
        "tree of",
    ),
    "an alias that forgets what it was before": (
        "mnist_model:candidate",
        """again mnist_model@candidate '/previous/d' """,
        "previous",
    ),
    "an alias that names a version with another commit": (
        "mnist_model:candidate",
        """again mnist_model@candidate 's/^  version: v1/  version: v0/' """,
        "names v0, whose tag is missing or on another commit",
    ),
    "a commit without the input it declares": (
        "mnist_model:v0",
        """c=$(rewrite mnist_model@v0^0 "/^parent $(git rev-parse mnist_dataset@v0^0)/d")
        retag mnist_model@v0 "s/^object .*/object $c/" """,
        "parents of .* inputs",
    ),
    "a commit with a parent it does not declare": (
        "mnist_model:v1",
        """c=$(rewrite mnist_model@v1^0 "s/^parent .*/&\\nparent $(git rev-parse mnist_dataset@v0^0)/")
        retag mnist_model@v1 "s/^object .*/object $c/" """,
        "parents of .* inputs",
    ),
    "an input with another digest": (
        "mnist_model:v0",
        """c=$(rewrite mnist_model@v0^0 '/artifact: mnist_dataset/s/8cf4da7c/8cf4da7d/')
        git update-ref -d refs/gitreg/runs/3k/3kf9a1xq
        retag mnist_model@v0 "s/^object .*/object $c/" """,
        "input mnist_dataset:v0: its digest",
    ),
    "a commit that belongs to another run than its parent": (
        "mnist_model:v1",
        """c=$(rewrite mnist_model@v1^0 's/"3kf9a1xq"/other/')
        retag mnist_model@v1 "s/^object .*/object $c/; s/\\"3kf9a1xq\\"/other/" """,
        "belongs to another run",
    ),
    "a version that its run does not have": (
        "mnist_model:v1",
        "git update-ref refs/gitreg/runs/3k/3kf9a1xq mnist_model@v0^0",
        "lacks the commit of mnist_model:v1",
    ),
}

TAMPERED |= {
    "an object that is not what its id says": (
        "mnist_model:v1",
        """loose() { git rev-parse "$1" | sed 's,^..,.git/objects/&/,'; }
        path=artifacts/mnist_model.sha256
        cp -f "$(loose mnist_model@v0:$path)" "$(loose mnist_model@v1:$path)"
        """,
        "blob [0-9a-f]{40} is corrupt",
    ),
    "an object that is lost": (
        "mnist_model:v1",
        "rm -f \"$(git rev-parse mnist_model@v1:artifacts/mnist_model.files | sed 's,^..,.git/objects/&/,')\"",
        "no readable artifacts/mnist_model.files",
    ),
    "a version without the record of its run": (
        "mnist_model:v1",
        """c=$(rewrite mnist_model@v1^0 's/^Gitreg-Run:/Other-Run:/')
        retag mnist_model@v1 "s/^object .*/object $c/" """,
        "has no Gitreg-Run",
    ),
    "a version without the record of its artifact": (
        "mnist_model:v1",
        """c=$(rewrite mnist_model@v1^0 's/^Gitreg-Artifact:/Other-Artifact:/')
        retag mnist_model@v1 "s/^object .*/object $c/" """,
        "has no Gitreg-Artifact",
    ),
    "a tag without a record": (
        "mnist_model:v1",
        "retag mnist_model@v1 's/^Gitreg-Version:/Other-Version:/'",
        "has no Gitreg-Version",
    ),
    "a tag with the subject of another version": (
        "mnist_model:v1",
        "retag mnist_model@v1 's/^mnist_model:v1/mnist_model:v0/'",
        "subject is not mnist_model:v1",
    ),
    "a removal that names a version": (
        "mnist_model:staging",
        "again mnist_model@staging 's/^  seq: 3/&\\n  version: v0\\n  commit: abc/'",
        "removes it, and names a version",
    ),
    "an alias whose first record was somewhere before": (
        "mnist_model:candidate",
        """a=refs/gitreg/aliases/mnist_model@candidate v0=$(git rev-parse mnist_model@v0^0) before=$(git rev-parse $a^1)
        first=$(rewrite $before "s/^  commit: .*/&\\n  previous: {version: v0, commit: $v0}/")
        again mnist_model@candidate "s/^parent $before/parent $first/" """,
        "its first record has a previous one",
    ),
    "a registry remote that leads elsewhere": (
        "mnist_model:production",
        "git config gitreg.remote ../aliases",
        "gitreg.remote is not a plain name",
    ),
}

# replant PATH SED_SCRIPT: rewrite a file in the tree of mnist_model:v1, and the commit and the tag for it. The manifest
# in the records follows when RECORDS=yes, so that only the relation between the files is left to be found.
REPLANT = """
replant() {
    export GIT_INDEX_FILE=.git/replant
    git read-tree mnist_model@v1^0
    new=$(git cat-file blob "mnist_model@v1:$1" 2>/dev/null | sed "$2" | git hash-object -w --stdin)
    git update-index --add --cacheinfo "100644,$new,$1"
    script="s/^tree .*/tree $(git write-tree)/"
    old=$(git cat-file blob mnist_model@v1:artifacts/mnist_model.sha256 | sha256sum | sed 's/ .*//')
    sum=$(git cat-file blob :artifacts/mnist_model.sha256 | sha256sum | sed 's/ .*//')
    unset GIT_INDEX_FILE
    records="s/^  manifest: .*/  manifest: \\"$sum\\"/"
    [ "${RECORDS-}" = yes ] && script="$script; $records" || records=
    retag mnist_model@v1 "s/^object .*/object $(rewrite mnist_model@v1^0 "$script")/; $records"
    git update-ref -d refs/gitreg/runs/3k/3kf9a1xq
}
"""

EDITED = {
    "a manifest that was edited": ("replant artifacts/mnist_model.sha256 s/^de69/de60/", "manifest of .* recorded"),
    "a manifest that climbs out of its directory": (
        "RECORDS=yes; replant artifacts/mnist_model.sha256 's,model.bin,../../model.bin,'",
        "unsafe path",
    ),
    "a manifest that names the same file twice": (
        "RECORDS=yes; replant artifacts/mnist_model.sha256 '1{p}'",
        "not sorted",
    ),
    "a manifest with other names than the listing": (
        "RECORDS=yes; replant artifacts/mnist_model.sha256 's,model.bin,model.bim,'",
        "manifest and listing differ",
    ),
    "a manifest that lacks a file": ("RECORDS=yes; replant artifacts/mnist_model.sha256 2d", "manifest .*listing"),
    "a listing that was edited": ("replant artifacts/mnist_model.files 1s/^...../00000/", "pointer .*listing"),
    "a listing with another size": (
        "replant artifacts/mnist_model.files '1s/  10  /  11  /'",
        "number or size of the files",
    ),
    "a pointer to other bytes": ("replant artifacts/mnist_model.dvc s/md5:.*/md5:\\ 0000.dir/", "pointer of .* record"),
    "a file more in the tree": ("replant .github/workflows/run.yml ''", "other paths"),
    "attributes that run a filter": (
        "replant artifacts/.gitattributes 's/!filter/filter=lfs/'",
        ".gitattributes",
    ),
}


# apart SUFFIX: take the manifest or the listing of mnist_model:v1 out of the tree and put it into the cache.
APART = """
apart() {
    export GIT_INDEX_FILE=.git/apart
    path=artifacts/mnist_model.$1
    git read-tree mnist_model@v1^0
    git cat-file blob "mnist_model@v1:$path" >.git/part
    md5=$(md5sum .git/part | sed 's/ .*//')
    two=$(echo "$md5" | cut -c 1-2)
    mkdir -p ".dvc/cache/files/md5/$two"
    cp .git/part ".dvc/cache/files/md5/$two/$(echo "$md5" | cut -c 3-)"
    pointer=$(printf 'outs:\n- md5: %s\n  size: 1\n  hash: md5\n  path: mnist_model.%s\n' "$md5" "$1" |
        git hash-object -w --stdin)
    ignore=$({ git cat-file blob :artifacts/.gitignore; echo "/mnist_model.$1"; } | git hash-object -w --stdin)
    git update-index --force-remove "$path"
    git update-index --add --cacheinfo "100644,$pointer,$path.dvc" --cacheinfo "100644,$ignore,artifacts/.gitignore"
    tree=$(git write-tree)
    unset GIT_INDEX_FILE
    retag mnist_model@v1 "s/^object .*/object $(rewrite mnist_model@v1^0 "s/^tree .*/tree $tree/")/"
}
git update-ref -d refs/gitreg/runs/3k/3kf9a1xq
"""


@pytest.mark.parametrize("script", ["apart sha256", "apart files", "apart sha256 && apart files"])
def test_a_manifest_or_listing_of_its_own_is_read_from_the_storage(
    golden: Path, change: Callable[[str], str], verify: Callable[..., Answer], script: str
) -> None:
    change(APART + script)
    answer = verify(golden, "mnist_model:v1", cache_of(golden))
    assert (answer.code, len(answer.all("file")), answer.lines[-1]) == (0, 2, "ok")
    assert_failed(verify(golden, "mnist_model:v1"), "object of its own")


def test_a_manifest_of_its_own_that_was_edited_is_found(
    golden: Path, change: Callable[[str], str], verify: Callable[..., Answer]
) -> None:
    change(APART + "apart sha256")
    path = next(path for path in cache_of(golden).rglob("*") if path.is_file() and b"  model.bin" in path.read_bytes())
    path.write_bytes(path.read_bytes().replace(b"de69", b"de60"))
    assert_failed(verify(golden, "mnist_model:v1", cache_of(golden)), "manifest of .* recorded")


@pytest.mark.parametrize("edit", ["s/^  path: /&\\n    /", "s/^  path: \\(.*\\)/  path: '\\1'/"])
def test_a_pointer_with_a_name_that_dvc_wraps_or_quotes_is_read(
    change: Callable[[str], str], golden: Path, verify: Callable[..., Answer], edit: str
) -> None:
    change(f'{REPLANT} replant artifacts/mnist_model.dvc "{edit}"')
    assert verify(golden, "mnist_model:v1", cache_of(golden)).lines[-1] == "ok"


@pytest.mark.parametrize("case", TAMPERED)
def test_tampering_with_objects_and_refs_is_found(
    golden: Path, change: Callable[[str], str], verify: Callable[..., Answer], case: str
) -> None:
    name, script, words = TAMPERED[case]
    change(script)
    assert_failed(verify(golden, name), words)


@pytest.mark.parametrize("case", EDITED)
def test_tampering_with_the_files_of_a_commit_is_found(
    golden: Path, change: Callable[[str], str], verify: Callable[..., Answer], case: str
) -> None:
    script, words = EDITED[case]
    change(REPLANT + script)
    assert_failed(verify(golden, "mnist_model:v1"), words)
