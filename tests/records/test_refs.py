from __future__ import annotations

import pytest

from gitreg.records import refs
from gitreg.records.names import AliasName, CollectionName, RunId, VersionName, VersionNumber

M, LINKED = CollectionName("", "m"), CollectionName("model", "M-dev")
ORIGIN = refs.tracking("origin")


def test_each_thing_has_its_place() -> None:
    version = VersionName(LINKED, VersionNumber(3))
    alias = AliasName(LINKED, "production")
    assert refs.version_tag(version) == "refs/tags/model/M-dev@v3"
    assert refs.draft(version) == "refs/gitreg/drafts/model/M-dev@v3"
    assert refs.run(RunId("3kf9a1xq")) == "refs/gitreg/runs/3k/3kf9a1xq"
    assert refs.run(RunId("a"), ORIGIN) == "refs/gitreg-remotes/origin/runs/a/a"
    assert refs.alias(alias) == "refs/gitreg/aliases/model/M-dev@production"
    assert refs.alias(alias, ORIGIN) == "refs/gitreg-remotes/origin/aliases/model/M-dev@production"
    assert refs.fetch_refspec("origin") == "+refs/gitreg/*:refs/gitreg-remotes/origin/*"
    assert refs.versions_pattern(M) == "refs/tags/m@v*"
    assert refs.versions_pattern(M, refs.DRAFTS) == "refs/gitreg/drafts/m@v*"
    assert refs.aliases_pattern(LINKED, ORIGIN) == "refs/gitreg-remotes/origin/aliases/model/M-dev@*"


@pytest.mark.parametrize("remote", ["origin", "aliases", "runs", "drafts", "team/upstream", "aliases/runs"])
@pytest.mark.parametrize("space", ["", "model", "aliases", "runs"])
def test_a_ref_says_what_it_was_made_of_whatever_the_remote_and_the_space_are_called(remote: str, space: str) -> None:
    collection = CollectionName(space, "m")
    alias, version = AliasName(collection, "best"), VersionName(collection, VersionNumber(7))
    for base in (refs.PENDING, refs.tracking(remote)):
        if remote == "aliases/runs" and base != refs.PENDING:
            continue
        assert refs.parse_alias(refs.alias(alias, base)) == alias
        assert refs.parse_run(refs.run(RunId("ru"), base)) == "ru"
        assert refs.parse_version(refs.alias(alias, base)) is None
        assert refs.parse_run(refs.alias(alias, base)) is None
        assert refs.parse_alias(refs.run(RunId("runs"), base)) is None
    for ref in (refs.version_tag(version), refs.draft(version)):
        assert refs.parse_version(ref) == version
        assert refs.parse_alias(ref) is None
        assert refs.parse_run(ref) is None


@pytest.mark.parametrize(
    "ref",
    [
        "refs/tags/v1.0",
        "refs/tags/m@v01",
        "refs/tags/m@v1/more",
        "refs/tags/a/b/c@v1",
        "refs/tags/m@production",
        "refs/heads/m@v1",
        "refs/gitreg/aliases/m@v1",
        "refs/gitreg/aliases/m@latest",
        "refs/gitreg/aliases/m",
        "refs/gitreg/runs/ab/cd",
        "refs/gitreg/runs/a/ab",
        "refs/gitreg/runs/ab",
        "refs/gitreg/runs/",
        "refs/gitreg/collections/m@card",
        "refs/gitreg-remotes/",
        "refs/gitreg-remotes/aliases/m@best",
        "refs/gitregistry/aliases/m@best",
        "refs/heads/aliases/m@best",
        "m@v1",
        "",
    ],
)
def test_any_other_ref_names_nothing(ref: str) -> None:
    assert (refs.parse_version(ref), refs.parse_alias(ref), refs.parse_run(ref)) == (None, None, None)
