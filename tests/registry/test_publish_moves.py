"""Moves of aliases by two people, each in a clone, that are published to one server."""

from __future__ import annotations

import pytest

from desks import Desk, World, alias_name
from gitreg.errors import NotFoundError
from gitreg.registry import aliases
from helpers import agrees


@pytest.fixture
def pair(ada: Desk, bob: Desk) -> tuple[Desk, Desk]:
    """Two clones that both have m:v0 to m:v3, and production at v0."""
    for number in range(4):
        ada.log("m", f"content {number}")
    ada.promote("m:production", "v0")
    ada.publish()
    bob.fetch()
    return ada, bob


def history(desk: Desk) -> list[aliases.Move]:
    return aliases.history(desk.registry, alias_name("m:production"))


def test_a_move_made_where_somebody_else_moved_too_is_refused_and_stays(pair: tuple[Desk, Desk]) -> None:
    ada, bob = pair
    bob.promote("m:production", "v1", reason="bob's")
    bob.publish()
    ada.promote("m:production", "v2", reason="ada's")
    ada.promote("m:other", "v3")
    report = ada.publish()
    assert [(item.name, item.lost_race) for item in report.refused] == [("m:production", True)]
    assert report.refused[0].why == "it names v1 there now, moved by Bob Example"
    assert report.aliases == ["m:other -> v3"]
    assert ada.place("m:production") == "m:v2"
    assert ada.publish().refused == report.refused
    # the way on: say it again, on top of what is there
    assert ada.promote("m:production", "v2", reason="I still mean it")
    assert ada.publish().refused == []
    assert ada.moves("m:production") == ["production -> m@v2", "production -> m@v1", "production -> m@v0"]
    bob.fetch()
    agrees(bob.path, "m:production")


def test_a_lost_move_is_given_up_by_agreeing_with_the_other(pair: tuple[Desk, Desk]) -> None:
    ada, bob = pair
    bob.promote("m:production", "v1")
    bob.publish()
    ada.promote("m:production", "v2")
    ada.publish()
    assert not ada.promote("m:production", "v1")
    assert ada.refs("refs/gitreg/") == []
    assert ada.place("m:production") == "m:v1"
    assert ada.publish().refused == []


def test_a_lost_move_can_be_given_up_and_until_then_both_sides_are_known(pair: tuple[Desk, Desk]) -> None:
    ada, bob = pair
    name = alias_name("m:production")
    bob.promote("m:production", "v1")
    bob.publish()
    ada.promote("m:production", "v2")
    assert [bool(item.hint) for item in ada.publish().refused] == [True]
    there = aliases.elsewhere(ada.registry, name)
    assert there
    assert there.place
    assert str(there.place.version) == "m:v1"
    assert [move.oid in aliases.published(ada.registry, name) for move in history(ada)] == [False, True]
    now = aliases.reset(ada.registry, name)
    assert now
    assert now.place == there.place
    assert (ada.place("m:production"), ada.refs("refs/gitreg/")) == ("m:v1", [])
    assert aliases.elsewhere(ada.registry, name) is None
    with pytest.raises(NotFoundError, match="no move of 'm:production' is pending"):
        aliases.reset(ada.registry, name)


def test_moves_are_replayed_where_the_alias_is_still_what_the_mover_saw(pair: tuple[Desk, Desk]) -> None:
    ada, bob = pair
    bob.promote("m:production", "v1")
    bob.promote("m:production", "v0", reason="back")
    bob.publish()
    ada.promote("m:production", "v2", reason="better")
    ada.promote("m:production", "v3", reason="best")
    assert ada.publish().refused == []
    assert [f"{move.record.subject[-1]} {move.by.name} {move.record.seq}" for move in history(ada)] == [
        "3 Ada Example 5",
        "2 Ada Example 4",
        "0 Bob Example 3",
        "1 Bob Example 2",
        "0 Ada Example 1",
    ]
    bob.fetch()
    agrees(bob.path, "m:production")
    assert bob.place("m:production") == "m:v3"


def test_the_same_move_by_two_people_is_one_move(pair: tuple[Desk, Desk]) -> None:
    ada, bob = pair
    for desk in (bob, ada):
        desk.promote("m:new", "v1")
    bob.publish()
    report = ada.publish()
    # both saw no alias at all, and now it is where both wanted it; the second is told
    assert [item.lost_race for item in report.refused] == [True]
    assert ada.place("m:new") == "m:v1"
    assert not ada.promote("m:new", "v1")
    assert ada.publish().refused == []


def test_a_refused_alias_holds_back_no_other(pair: tuple[Desk, Desk], world: World) -> None:
    ada, _ = pair
    world.hook("update", "case $1 in *@production) exit 1;; esac")
    ada.promote("m:production", "v1")
    ada.promote("m:staging", "v1")
    report = ada.publish()
    assert ([item.name for item in report.refused], report.aliases) == (["m:production"], ["m:staging -> v1"])
    assert "hook declined" in report.refused[0].why
