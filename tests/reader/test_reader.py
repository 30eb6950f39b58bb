"""A reader that shares no line with gitreg agrees about the golden repository, and says what was tampered with."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Shell

HERE = Path(__file__).parent
VERIFY = HERE / "verify.sh"
MAKE = HERE.parent / "golden" / "make.sh"

# Build an object anew, its text edited by sed: rewrite COMMIT EDIT prints its id; retag TAG EDIT and again ALIAS EDIT
# move the ref to it.
TOOLS = """
rewrite() { git cat-file commit "$1" | sed "$2" | git hash-object -w -t commit --stdin; }
retag() {
    new=$(git cat-file tag "refs/tags/$1" | sed "$2" | git hash-object -w -t tag --stdin)
    git update-ref "refs/tags/$1" "$new"
}
again() { git update-ref "refs/gitreg/aliases/$1" "$(rewrite "refs/gitreg/aliases/$1" "$2")"; }
"""


class Answer(NamedTuple):
    code: int
    lines: list[str]
    errors: str

    def all(self, word: str) -> list[str]:
        return [line.partition(" ")[2] for line in self.lines if line.split(" ")[0] == word]


@pytest.fixture(params=["dash", "busybox sh"])
def verify(request: pytest.FixtureRequest, need: Callable[[str], str]) -> Callable[..., Answer]:
    shell = request.param.split()
    shell[0] = need(shell[0])

    def run(*arguments: str | Path) -> Answer:
        command = [*shell, str(VERIFY), *map(str, arguments)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return Answer(done.returncode, done.stdout.decode().splitlines(), done.stderr.decode())

    return run


@pytest.fixture
def golden(tmp_path: Path, sh: Shell) -> Path:
    sh(f"sh '{MAKE}' golden")
    return tmp_path / "golden"


@pytest.fixture
def change(golden: Path, sh: Shell) -> Callable[[str], str]:
    """Run shell in the golden repository, with the tools above."""

    def run(script: str) -> str:
        return sh(TOOLS + script, cwd=golden)

    return run


def cache_of(repo: Path) -> Path:
    return repo / ".dvc" / "cache"


def rev(sh: Shell, repo: Path, revision: str) -> str:
    return sh(f"git rev-parse --verify '{revision}'", cwd=repo).strip()


def assert_failed(answer: Answer, words: str) -> None:
    assert answer.code == 1, answer
    assert re.search(rf"^FAILED: .*{words}", answer.lines[-1]), answer
    assert "ok" not in answer.lines


def test_a_model_version_is_reported_with_its_run_its_inputs_and_its_files(
    golden: Path, sh: Shell, verify: Callable[..., Answer]
) -> None:
    answer = verify(golden, "mnist_model:v0", cache_of(golden))
    code, dataset = rev(sh, golden, "mnist_model@v0^1"), rev(sh, golden, "mnist_dataset@v0^0")
    assert answer == Answer(
        0,
        [
            "version mnist_model:v0",
            f"tag {rev(sh, golden, 'refs/tags/mnist_model@v0')}",
            f"commit {rev(sh, golden, 'mnist_model@v0^0')}",
            "type model",
            "digest 6625c7cb8f18893fdc2c5ff543838da0",
            "run 3kf9a1xq vague-morning-5 finished",
            f"code {code}",
            f"input mnist_dataset:v0 {dataset}",
            "file c0c77e284f2bc840581fbaa0bc6757e1b38ff3dead9d217060f40fa503966dd7 model.bin",
            "file 834e0ed2f5fc26755353750eb13716e04fd16e437a0c74133fa51e121280deb0 層.json",
            "ok",
        ],
        "",
    )


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("mnist_dataset:v0", "mnist_dataset:v0"),
        ("mnist_model", "mnist_model:v1"),
        ("mnist_model:latest", "mnist_model:v1"),
        ("mnist_model:candidate", "mnist_model:v1"),
        ("model/MNIST-dev", "model/MNIST-dev:v0"),
        ("model/MNIST-dev:production", "model/MNIST-dev:v0"),
    ],
)
def test_a_version_is_found_by_number_by_alias_and_as_the_latest(
    golden: Path, verify: Callable[..., Answer], name: str, version: str
) -> None:
    answer = verify(golden, name, cache_of(golden))
    assert (answer.code, answer.all("version"), answer.lines[-1]) == (0, [version], "ok")


def test_a_deleted_version_is_not_found_until_it_is_back(
    golden: Path, change: Callable[[str], str], verify: Callable[..., Answer]
) -> None:
    change("git update-ref refs/gitreg/collections/mnist_dataset@card refs/gitreg/collections/mnist_dataset@card~1")
    for name, words in (("mnist_dataset:v0", "v0, which was deleted"), ("mnist_dataset", "has no version")):
        answer = verify(golden, name)
        assert (answer.code, answer.lines) == (6, [])
        assert words in answer.errors
    change("gitreg --quiet delete mnist_model:v1 --delete-aliases")
    assert verify(golden, "mnist_model").all("version") == ["mnist_model:v0"]
    change("gitreg --quiet undelete mnist_model:v1")
    assert verify(golden, "mnist_model").all("version") == ["mnist_model:v1"]


def test_latest_is_the_highest_number_and_not_the_last_name(
    golden: Path, change: Callable[[str], str], verify: Callable[..., Answer]
) -> None:
    change("""
        tag=$(git cat-file tag mnist_model@v1 | sed 's/@v1$/@v10/; s/:v1$/:v10/; s/number: 1/number: 10/')
        git update-ref refs/tags/mnist_model@v10 "$(printf '%s\\n' "$tag" | git hash-object -w -t tag --stdin)"
        git update-ref refs/tags/mnist_model@v011 mnist_model@v0
        git update-ref refs/tags/mnist_model@v12/more mnist_model@v0
    """)
    assert verify(golden, "mnist_model").all("version") == ["mnist_model:v10"]


def test_references_are_checked_against_both_records(
    golden: Path, change: Callable[[str], str], verify: Callable[..., Answer]
) -> None:
    assert verify(golden, "web_dataset:v0", cache_of(golden)).lines[-1] == "ok"
    change(
        """
        new=$(git show web_dataset@v0:artifacts/web_dataset.references | sed s/example.com/example.org/ |
            git hash-object -w --stdin)
        artifacts=$(git ls-tree web_dataset@v0:artifacts | sed "/references/s/blob [0-9a-f]*/blob $new/" | git mktree)
        tree=$(git ls-tree 'web_dataset@v0^{tree}' | sed "/artifacts/s/tree [0-9a-f]*/tree $artifacts/" | git mktree)
        commit=$(rewrite web_dataset@v0^0 "s/^tree .*/tree $tree/")
        retag web_dataset@v0 "s/^object .*/object $commit/"
        git update-ref refs/gitreg/runs/w8/w8gentle "$commit"
        """
    )
    assert_failed(verify(golden, "web_dataset:v0"), "are not those that were recorded")
    change("retag web_dataset@v0 's/size: 25/size: 26/'")
    assert_failed(
        verify(golden, "web_dataset:v0"), "references.size of the version and references.size of the artifact"
    )


def test_a_link_is_reported_with_its_source(golden: Path, verify: Callable[..., Answer]) -> None:
    assert verify(golden, "model/MNIST-dev:v0").all("link") == ["mnist_model:v1"]


def test_an_earlier_use_in_the_run_is_an_input_of_its_later_versions(
    golden: Path, sh: Shell, verify: Callable[..., Answer]
) -> None:
    dataset = rev(sh, golden, "mnist_dataset@v0^0")
    assert verify(golden, "mnist_model:v1").all("input") == [f"mnist_dataset:v0 {dataset}"]


def test_what_lies_behind_the_inputs_is_an_ancestor(
    golden: Path, sh: Shell, change: Callable[[str], str], verify: Callable[..., Answer]
) -> None:
    dataset, model = rev(sh, golden, "mnist_dataset@v0^0"), rev(sh, golden, "mnist_model@v1^0")
    change(f"""
        small=$(rewrite mnist_dataset@v0^0 's/^parent .*/&\\nparent {model}/
            s/k2m8x0pd/s0small/; s/^  summary: .*/&\\n  inputs:\\n    - {{artifact: mnist_model, version: v1, commit: \
{model}, digest: "85b86823817383705aaab77d9c990519"}}/')
        tag=$(git cat-file tag mnist_dataset@v0 | sed "s/^object .*/object $small/; s/k2m8x0pd/s0small/; s/v0$/v1/
            s/number: 0/number: 1/")
        git update-ref refs/tags/mnist_dataset@v1 "$(printf '%s\\n' "$tag" | git hash-object -w -t tag --stdin)"
    """)
    answer = verify(golden, "mnist_dataset:v1", cache_of(golden))
    assert (answer.code, answer.errors) == (0, "")
    assert answer.all("input") == [f"mnist_model:v1 {model}"]
    assert answer.all("ancestor") == [f"mnist_dataset {dataset}"]


def test_the_files_of_a_directory_are_checked_against_the_manifest(
    golden: Path, tmp_path: Path, sh: Shell, verify: Callable[..., Answer]
) -> None:
    sh(f"dvc get . artifacts/mnist_dataset --rev mnist_dataset@v0 --out '{tmp_path}/got'", cwd=golden)
    assert verify(golden, "mnist_dataset:v0", tmp_path / "got").lines[-1] == "ok"
    (tmp_path / "got" / "labels.csv").write_text("seven\nsix\n")
    assert_failed(verify(golden, "mnist_dataset:v0", tmp_path / "got"), "bytes .*labels.csv")


def test_a_clone_reads_what_the_remote_published_and_its_own_drafts_first(
    golden: Path, tmp_path: Path, sh: Shell, verify: Callable[..., Answer]
) -> None:
    sh("""
        git clone --quiet --bare golden registry.git
        git -C golden push --quiet ../registry.git 'refs/gitreg/*:refs/gitreg/*'
        git clone --quiet registry.git clone && cd clone
        git config --add remote.origin.fetch '+refs/gitreg/*:refs/gitreg-remotes/origin/*'
        git fetch --quiet
    """)
    for repo in (tmp_path / "registry.git", tmp_path / "clone"):
        answer = verify(repo, "model/MNIST-dev:production")
        assert (answer.code, answer.all("run")) == (0, ["3kf9a1xq vague-morning-5 finished"])
    sh(
        """
        git update-ref refs/gitreg/drafts/mnist_model@v1 refs/tags/mnist_model@v1
        git update-ref -d refs/tags/mnist_model@v1
        candidate=aliases/mnist_model@candidate
        git update-ref refs/gitreg/$candidate refs/gitreg-remotes/origin/$candidate^
        """,
        cwd=tmp_path / "clone",
    )
    assert verify(tmp_path / "clone", "mnist_model").all("version") == ["mnist_model:v1"]
    assert verify(tmp_path / "clone", "mnist_model:candidate").all("version") == ["mnist_model:v0"]


def test_a_shallow_clone_says_where_it_is_cut(
    golden: Path, tmp_path: Path, sh: Shell, verify: Callable[..., Answer]
) -> None:
    sh(f"git init --quiet shallow && cd shallow && git fetch --quiet --depth=1 '{golden.as_uri()}' tag mnist_model@v0")
    answer = verify(tmp_path / "shallow", "mnist_model:v0")
    assert (answer.code, len(answer.all("cut"))) == (0, 2)
    sh("rm .git/shallow", cwd=tmp_path / "shallow")
    assert_failed(verify(tmp_path / "shallow", "mnist_model:v0"), "commit [0-9a-f]{40} is missing")


def test_reading_changes_nothing_and_runs_nothing(
    golden: Path, tmp_path: Path, sh: Shell, verify: Callable[..., Answer]
) -> None:
    spy = f"'{tmp_path}/spy'"
    sh(f"printf '#!/bin/sh\\ntouch {tmp_path}/ran\\n' >{spy} && chmod +x {spy}")
    sh(f"git config core.fsmonitor {spy} && git config core.pager {spy} && git config diff.external {spy}", cwd=golden)
    snapshot = "find . -type f -exec sha256sum {} + | sort"
    before = sh(snapshot, cwd=golden)
    assert verify(golden, "mnist_model", cache_of(golden)).code == 0
    assert sh(snapshot, cwd=golden) == before
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["mnist_model:v7", "mnist_model:nothing", "mnist_model:staging", "other", "other:v0"])
def test_what_is_not_there_is_not_found(golden: Path, verify: Callable[..., Answer], name: str) -> None:
    answer = verify(golden, name)
    assert (answer.code, answer.lines) == (6, [])
    assert answer.errors.startswith(f"not found: {name}")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "--help",
        "-v:v0",
        "a/b/c",
        "a@v0",
        "a:b:c",
        "a*:v0",
        "../a",
        "a\nb",
        "a b",
        "a:x.lock",
        "HEAD",
        "a:$(id)",
        "a:",
    ],
)
def test_what_is_not_a_name_is_refused_before_git_sees_it(
    golden: Path, verify: Callable[..., Answer], name: str
) -> None:
    assert verify(golden, name)[:2] == (2, [])


def test_a_folder_that_is_no_repository_is_said_to_be_none(tmp_path: Path, verify: Callable[..., Answer]) -> None:
    assert_failed(verify(tmp_path, "mnist_model"), "not a Git repository")


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


def test_the_scripts_are_portable_shell(need: Callable[[str], str], sh: Shell) -> None:
    sh(f"'{need('shellcheck')}' --shell=sh '{VERIFY}' '{MAKE}'", env={"LC_ALL": os.environ["LC_ALL"]})
