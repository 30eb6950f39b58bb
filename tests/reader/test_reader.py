"""A reader that shares no line with gitreg agrees about the golden repository."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from answers import MAKE, Answer, assert_failed, cache_of
from conftest import Shell
from helpers import VERIFY


def rev(sh: Shell, repo: Path, revision: str) -> str:
    return sh(f"git rev-parse --verify '{revision}'", cwd=repo).strip()


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


def test_the_scripts_are_portable_shell(need: Callable[[str], str], sh: Shell) -> None:
    sh(f"'{need('shellcheck')}' --shell=sh '{VERIFY}' '{MAKE}'", env={"LC_ALL": os.environ["LC_ALL"]})
