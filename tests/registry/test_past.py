"""What an alias, and 'latest', named at an earlier time: real commits with the times of a story."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from desks import Desk, World
from gitreg.errors import InvalidDateError, NotFoundError, RecordError
from gitreg.records.when import When
from gitreg.registry import past

At = Callable[[str], None]
REF = "refs/gitreg/aliases/m@production"


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """`at("2026-03-01T12:00:00Z")`: what is recorded from now on has this time."""

    def turn(time: str) -> None:
        monkeypatch.setenv("GIT_COMMITTER_DATE", time)
        monkeypatch.setenv("GIT_AUTHOR_DATE", time)

    return turn


@pytest.fixture
def story(desk: Desk, at: At) -> Desk:
    """m:v0 to v2 of 1, 2 and 3 March; production names v0 since the 1st, v2 for three hours on the 4th, then nothing,
    and v1 from the 5th on. It is the 10th.
    """
    for day, content in enumerate(("zero", "one", "two"), 1):
        at(f"2026-03-0{day}T12:00:00Z")
        desk.log("m", content)
        if day == 1:
            desk.promote("m:production", "v0", reason="first")
    at("2026-03-04T09:00:00Z")
    desk.promote("m:production", "v2")
    at("2026-03-04T12:00:00Z")
    desk.promote("m:production", None, reason="broken")
    at("2026-03-05T12:00:00Z")
    desk.promote("m:production", "v1")
    at("2026-03-10T12:00:00Z")
    return desk


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        ("m:production", "v1"),
        ("m:production@{now}", "v1"),
        ("m:production@{2026-03-10}", "v1"),
        ("m:production@{2026-03-05}", "v1"),
        ("m:production@{2026-03-05T12:00:00Z}", "v1"),
        ("m:production@{2026-03-04T11:59:59Z}", "v2"),
        ("m:production@{2026-03-04 10:00+01:00}", "v2"),
        ("m:production@{2026-03-04 10:00+01:01}", "v0"),
        ("m@production@{2026-03-03}", "v0"),
        ("m:production@{9 days ago}", "v0"),
        ("m@{2026-03-01}", "v0"),
        ("m@{2026-03-03T11:59:59Z}", "v1"),
        ("m:latest@{1 week ago}", "v2"),
        ("m@{yesterday}", "v2"),
    ],
)
def test_a_reference_with_a_date_is_what_it_was_at_the_end_of_it(story: Desk, reference: str, version: str) -> None:
    assert story.version(reference).name.label == version


@pytest.mark.parametrize(
    ("reference", "message", "hint"),
    [
        (
            "m:production@{2026-02-28}",
            "'m:production' did not exist at '2026-02-28'",
            "it exists since 2026-03-01T12:00:00Z, when Test User set it to v0",
        ),
        (
            "m:production@{2026-03-04}",
            "'m:production' had been removed at '2026-03-04'",
            "on 2026-03-04T12:00:00Z, by Test User: gitreg alias log m:production",
        ),
        ("m@{2026-02-28}", "'m' had no version at '2026-02-28'", "its first one here, v0, is of 2026-03-01T12:00:00Z"),
        ("m:prodution@{2026-03-05}", "alias 'prodution' not found in 'm'", "did you mean 'production'?"),
    ],
)
def test_what_was_not_there_then_is_told_with_the_time_since_when_it_is(
    story: Desk, reference: str, message: str, hint: str
) -> None:
    with pytest.raises(NotFoundError) as caught:
        story.version(reference)
    assert (str(caught.value), caught.value.hint) == (message, hint)


def test_the_future_is_refused(story: Desk) -> None:
    for reference in ("m:production@{2026-03-11}", "m@{2026-03-10T12:00:01Z}"):
        with pytest.raises(InvalidDateError, match="is in the future"):
            story.version(reference)


def test_history_orders_and_clocks_decorate(desk: Desk, at: At) -> None:
    for content in ("zero", "one", "two"):
        desk.log("m", content)
    # the second one's clock was a day ahead
    for time, version in (("01T12", "v0"), ("04T12", "v1"), ("03T12", "v2")):
        at(f"2026-03-{time}:00:00Z")
        desk.promote("m:production", version)
    at("2026-03-10T12:00:00Z")
    assert [desk.version(f"m:production@{{2026-03-0{day}}}").name.label for day in range(1, 6)] == [
        "v0", "v0", "v2", "v2", "v2",
    ]  # fmt: skip


def test_who_only_reads_needs_no_identity(story: Desk) -> None:
    story.sh("printf '[user]\\n useConfigOnly = true\\n' >$GIT_CONFIG_GLOBAL")
    assert story.version("m:production@{2 weeks ago}".replace("2 weeks", "8 days")).name.label == "v0"


def test_a_removed_alias_still_has_its_past(story: Desk) -> None:
    story.promote("m:production", None)
    assert story.version("m:production@{2026-03-09}").name.label == "v1"


def test_a_version_that_was_renumbered_has_its_new_number(world: World, at: At) -> None:
    ada, bob = world.clone("ada"), world.clone("bob")
    at("2026-03-01T12:00:00Z")
    bob.log("m", "bobs")
    bob.promote("m:production", "v0")
    at("2026-03-02T12:00:00Z")
    ada.log("m", "adas")
    ada.publish()
    bob.fetch()
    assert bob.publish().refused == []
    assert bob.version("m:production@{2026-03-01}") == bob.version("m:v1")


def test_what_is_pending_here_counts_and_what_others_published_since_counts_instead(world: World, at: At) -> None:
    ada, bob = world.clone("ada"), world.clone("bob")
    at("2026-03-01T12:00:00Z")
    for content in ("zero", "one", "two"):
        ada.log("m", content)
    ada.promote("m:production", "v0")
    ada.publish()
    bob.fetch()
    at("2026-03-02T12:00:00Z")
    bob.promote("m:production", "v1")
    at("2026-03-03T12:00:00Z")
    assert ada.version("m:production@{2026-03-02}").name.label == "v0"
    assert bob.version("m:production@{2026-03-02}").name.label == "v1"
    assert bob.version("m:production@{2026-03-01}").name.label == "v0"
    bob.publish()
    ada.fetch()
    assert ada.version("m:production@{2026-03-02}").name.label == "v1"


def test_a_move_is_published_when_the_remote_is_known_to_have_it(world: World) -> None:
    ada, bob = world.clone("ada"), world.clone("bob")

    def published(desk: Desk) -> list[tuple[str, bool]]:
        alias = desk.alias("m:production")
        assert alias
        return [(step.move.record.subject, step.published) for step in past.steps(desk.registry, alias)]

    for content in ("zero", "one", "two"):
        ada.log("m", content)
    ada.promote("m:production", "v0")
    assert published(ada) == [("production -> m@v0", False)]
    ada.publish()
    bob.fetch()
    bob.promote("m:production", "v1")
    bob.promote("m:production", "v2")
    own = [("production -> m@v2", False), ("production -> m@v1", False), ("production -> m@v0", True)]
    assert published(bob) == own
    # others move it meanwhile, too
    ada.promote("m:production", "v2")
    ada.publish()
    assert published(ada) == [("production -> m@v2", True), ("production -> m@v0", True)]
    bob.fetch()
    assert published(bob) == own


def test_a_shallow_clone_says_that_the_history_is_cut(world: World, at: At, ada: Desk) -> None:
    for day, content in enumerate(("zero", "one"), 1):
        at(f"2026-03-0{day}T12:00:00Z")
        ada.log("m", content)
        ada.promote("m:production", f"v{day - 1}")
    ada.publish()
    bob = world.clone("bob")
    bob.sh("git fetch --quiet --depth=1 origin '+refs/gitreg/*:refs/gitreg-remotes/origin/*'")
    assert bob.version("m:production@{2026-03-02}").name.label == "v1"
    with pytest.raises(NotFoundError, match="is not in this clone") as caught:
        bob.version("m:production@{2026-03-01}")
    assert caught.value.hint == "its history is cut off before 2026-03-02T12:00:00Z: git fetch --unshallow"


class TestMovedByHand:
    def test_without_any_record_there_is_no_past(self, story: Desk) -> None:
        story.sh(f"git update-ref {REF} m@v2^0")
        with pytest.raises(NotFoundError, match="when 'm:production' was moved by hand is not recorded"):
            story.version("m:production@{2026-03-04}")

    def test_what_had_been_published_before_is_known(self, ada: Desk, at: At) -> None:
        for day, content in enumerate(("zero", "one"), 1):
            at(f"2026-03-0{day}T12:00:00Z")
            ada.log("m", content)
            ada.promote("m:production", f"v{day - 1}")
        ada.log("m", "two")
        ada.publish()
        ada.sh(f"git update-ref {REF} m@v2^0")
        at("2026-03-10T12:00:00Z")
        assert ada.place("m:production") == "m:v2"
        assert ada.version("m:production@{2026-03-01}").name.label == "v0"
        # the hand may have moved it before that
        with pytest.raises(NotFoundError, match="moved by hand"):
            ada.version("m:production@{2026-03-02}")


def test_a_version_that_is_no_longer_there_is_told(story: Desk) -> None:
    story.sh("git tag -d m@v2")
    with pytest.raises(NotFoundError, match="'m:production' names v2, whose tag is not here"):
        story.version("m:production@{2026-03-04T10:00:00Z}")
    story.sh("git tag -m other m@v2 m@v0^0")
    with pytest.raises(RecordError, match="names v2 at commit"):
        story.version("m:production@{2026-03-04T10:00:00Z}")


@pytest.mark.parametrize(
    ("when", "labels"),
    [
        ("2026-02-28", []),
        ("2026-03-01", ["v0"]),
        ("2026-03-03", ["v0"]),
        ("2026-03-04", ["removed", "v2", "v0"]),
        ("2026-03-04T10:00:00Z", ["v2"]),
        # from its own second on
        ("2026-03-04T09:00:00Z", ["v2"]),
        ("2026-03-04T08:59:59Z", ["v0"]),
        ("2026-03-05", ["v1", "removed"]),
        ("2026-03-09", ["v1"]),
    ],
)
def test_what_was_in_effect_on_a_day_is_all_that_was(story: Desk, when: str, labels: list[str]) -> None:
    alias = story.alias("m:production")
    assert alias
    found = past.in_effect(past.steps(story.registry, alias), When.parse(when).span(story.registry.clock()))
    assert [step.move.record.now.version.label if step.move.record.now else "removed" for step in found] == labels
