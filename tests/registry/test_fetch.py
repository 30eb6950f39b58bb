from __future__ import annotations

import pytest

from desks import Desk, World
from gitreg.errors import NotFoundError, RefusedError, UsageError
from gitreg.registry import runs
from helpers import agrees, fingerprint


def test_a_fetch_brings_versions_runs_and_aliases_and_leaves_what_is_pending(ada: Desk, bob: Desk) -> None:
    ada.log("m", "x")
    ada.promote("m:best", "v0")
    ada.publish()
    mine = bob.log("n", "y")
    bob.promote("n:best", "v0")
    found = bob.fetch()
    assert (list(map(str, found.new)), found.conflicts) == (["m:v0"], ())
    assert list(found.tags) == ["refs/tags/m@v0"]
    assert bob.version("n:best") == mine
    assert bob.place("m:best") == "m:v0"
    assert bob.fetch().new == ()


def test_what_the_remote_no_longer_has_goes_from_the_tracking_refs_only(ada: Desk, bob: Desk, world: World) -> None:
    ada.log("m", "x")
    ada.promote("m:best", "v0")
    ada.publish()
    bob.fetch()
    bob.promote("m:mine", "v0")
    world.on_server("git update-ref -d refs/gitreg/aliases/m@best && git update-ref -d refs/tags/m@v0")
    bob.fetch()
    assert (bob.place("m:best"), bob.place("m:mine")) == ("", "m:v0")
    assert bob.refs("refs/tags") == ["refs/tags/m@v0"]
    assert bob.all() == ["m:v0"]


def test_a_version_that_is_another_object_here_is_a_conflict_and_stays_both(ada: Desk, bob: Desk) -> None:
    bob.sh("git tag m@v0 && git tag -a -m mine n@v0")
    before = fingerprint(bob.path)
    ada.log("m", "x")
    ada.log("n", "y")
    ada.log("o", "z")
    ada.publish()
    found = bob.fetch()
    assert (list(map(str, found.conflicts)), list(map(str, found.new))) == (["m:v0", "n:v0"], ["o:v0"])
    after = fingerprint(bob.path)
    assert {key: after[key] for key in before} == before


def test_an_own_tag_in_the_way_holds_back_only_the_versions_that_it_leaves_no_room_for(ada: Desk, bob: Desk) -> None:
    bob.sh("git tag model && git tag -a -m mine dataset")
    before = fingerprint(bob.path)
    ada.link(ada.log("m", "x"), "model/M")
    ada.promote("model/M:best", "v0")
    ada.publish()
    found = bob.fetch()
    assert {str(version): tag for version, tag in found.blocked.items()} == {"model/M:v0": "model"}
    assert (list(map(str, found.new)), found.conflicts) == (["m:v0"], ())
    after = fingerprint(bob.path)
    assert {key: after[key] for key in before} == before
    with pytest.raises(RefusedError, match="the tag 'model' leaves no room") as caught:
        bob.link(bob.version("m"), "model/N")
    assert caught.value.hint == "rename it: git tag model-old model && git tag -d model"
    bob.sh("git tag model-old model && git tag -d model")
    found = bob.fetch()
    assert (found.blocked, list(map(str, found.new))) == ({}, ["model/M:v0"])
    assert bob.version("model/M:best").name.label == "v0"


def test_an_own_tag_in_the_way_is_named_where_there_is_no_remote_too(desk: Desk) -> None:
    version = desk.log("m", "x")
    desk.sh("git tag model")
    with pytest.raises(RefusedError, match="the tag 'model' leaves no room"):
        desk.link(version, "model/M")
    assert desk.all() == ["m:v0 (unpublished)"]


@pytest.mark.parametrize("options", ["--single-branch --no-tags", "--depth=1", "--no-tags --filter=tree:0"])
def test_any_kind_of_clone_gets_everything(ada: Desk, world: World, options: str) -> None:
    ada.log("m", "x")
    ada.promote("m:best", "v0")
    ada.publish()
    world.on_server("git config uploadpack.allowFilter true && git config uploadpack.allowAnySHA1InWant true")
    other = world.clone("other", options)
    other.fetch()
    assert other.version("m:best").name.label == "v0"
    if "filter" not in options:
        agrees(other.path, "m:best", world.storage)


def test_aliases_without_tags_are_told_how_to_get_them(ada: Desk, world: World) -> None:
    ada.log("m", "x")
    ada.log("m", "y")
    ada.promote("m:best", "v1")
    ada.publish()
    other = world.clone("other", "--no-tags")
    other.sh("git fetch --quiet --no-tags origin refs/tags/m@v0:refs/tags/m@v0")
    other.sh("git fetch --quiet --no-tags origin '+refs/gitreg/*:refs/gitreg-remotes/origin/*'")
    with pytest.raises(NotFoundError, match="'m:best' names v1, whose tag is not here") as caught:
        other.version("m:best")
    assert caught.value.hint == "gitreg fetch brings it"


def test_a_history_that_a_shallow_clone_cuts_is_shown_as_far_as_it_is_here(ada: Desk, world: World) -> None:
    for number in range(3):
        ada.log("m", f"{number}")
        ada.promote("m:best", f"v{number}")
    ada.publish()
    other = world.clone("other", "--depth=1 --no-tags")
    ref = "refs/gitreg/aliases/m@best"
    other.sh(
        f"git fetch --quiet --depth=1 origin {ref}:refs/gitreg-remotes/origin/aliases/m@best 'refs/tags/*:refs/tags/*'"
    )
    assert other.place("m:best") == "m:v2"
    assert other.moves("m:best") == ["best -> m@v2"]
    agrees(other.path, "m:best", world.storage)


def test_another_remote_can_be_the_registry(ada: Desk, world: World) -> None:
    ada.sh(
        f"git init --quiet --bare ../registry.git && git remote add models file://{world.server.parent}/registry.git"
    )
    ada.sh("git config gitreg.remote models")
    ada.log("m", "x")
    assert ada.publish().refused == []
    assert world.published() == []
    assert ada.refs("refs/gitreg-remotes")[0].startswith("refs/gitreg-remotes/models/runs/")
    assert ada.alias("m:best") is None
    assert len(runs.tips(ada.registry)) == 1
    agrees(ada.path, "m:v0", world.storage)


def test_there_must_be_a_remote_to_fetch_from(desk: Desk) -> None:
    with pytest.raises(UsageError, match="there is no remote 'origin'"):
        desk.fetch()
