"""What fsck says of a collection's own ref that somebody else has written, or broken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from desks import Desk
from gitreg.git.objects import Batch
from gitreg.git.refs import Change
from gitreg.health.fsck import fsck
from gitreg.records.cards import CollectionRecord, Deletion, Notes, deletion_path, notes_path
from gitreg.records.names import CollectionName, VersionName, VersionNumber
from gitreg.records.objects import ZERO, Commit, Oid
from gitreg.records.records import Place
from gitreg.registry import cards, editing, versions
from gitreg.registry.cards import Files
from gitreg.registry.editing import Wanted
from gitreg.registry.versions import Version

M = CollectionName.parse("m")
REF = "refs/gitreg/collections/m@card"


def findings(desk: Desk) -> list[tuple[str, str, str]]:
    return [(item.severity, item.subject, item.problem) for item in fsck(desk.reopen()).findings]


@pytest.fixture
def told(desk: Desk) -> Desk:
    """A collection of two versions, of which something was said."""
    for content in ("zero", "one"):
        desk.log("m", content)
    editing.edit(desk.registry, M, Wanted(description="Digits", card="# Digits", add=["vision"]))
    editing.edit(desk.registry, M, Wanted(add=["small"]), version=desk.version("m:v0"))
    editing.delete(desk.registry, desk.version("m:v1"), reason="wrong")
    return desk


def forge(desk: Desk, record: CollectionRecord, files: Files, subject: str = "") -> None:
    """Append a commit with these files, whatever the record says of them."""
    tip = desk.oid(REF)
    batch = Batch()
    now = desk.registry.now()
    message = record.message().replace(record.subject, subject or record.subject, 1)
    tree = cards.at(desk.registry, M, tip).with_(files).write(batch)
    commit = batch.add("commit", Commit(tree, (tip,), now, now, message).encode())
    desk.registry.transact(batch, [Change(REF, tip, commit)])


def test_what_gitreg_writes_is_as_it_should_be(told: Desk) -> None:
    place = told.details("m:v0").version.place
    editing.undelete(told.registry, next(item for item in _all(told) if item.place != place))
    editing.edit(told.registry, M, Wanted(description="", card="", remove=["vision"]))
    assert findings(told) == []


def _all(desk: Desk) -> list[Version]:
    return versions.all_versions(desk.registry, M)


def _record(seq: int = 4, **fields: object) -> CollectionRecord:
    return CollectionRecord(M, "edit", seq, **fields)  # type: ignore[arg-type]


def error(words: str) -> tuple[str, str]:
    return "error", words


def warning(words: str) -> tuple[str, str]:
    return "warning", words


BAD = b"schema: 1\ndescription: [x]\n"
# what is written, and all that is said of it; the commits that it names are filled in
EDITS: dict[str, tuple[Callable[[Desk], tuple[CollectionRecord, Files]], list[tuple[str, str]]]] = {
    "an edit that says it changed something else": (
        lambda _: (_record(changed=("card",)), {"collection.yaml": Notes("x").encode()}),
        [error("its edit 4 says something else than it does")],
    ),
    "an edit that changes nothing": (lambda _: (_record(changed=("card",)), {}), [error("its edit 4 changes nothing")]),
    "an edit of more than it says": (
        lambda desk: (
            _record(changed=("description",)),
            {notes_path(desk.version("m:v0").place): None, "collection.yaml": Notes("x", ("vision",)).encode()},
        ),
        [error("its edit 4 changes 'versions/0/v0.{v0}.yaml', and does not say so")],
    ),
    "a deletion that deletes nothing": (
        lambda desk: (
            CollectionRecord(M, "delete", 4, _all(desk)[1].place),
            {deletion_path(_all(desk)[1].place): None},
        ),
        [error("its edit 4 says something else than it does")],
    ),
    "a file that is none of the format": (
        lambda _: (_record(changed=("card",)), {"card.md": b"x\n", "other": b"x"}),
        [
            error("its edit 4 changes 'other', and does not say so"),
            warning("it holds 'other', which is no file of the format"),
        ],
    ),
    "notes that are no YAML of ours": (
        lambda _: (_record(changed=("description",)), {"collection.yaml": BAD}),
        [error("field 'description' holds ['x'], expected a string")],
    ),
    "a tag that is none": (
        lambda _: (_record(changed=("tags",)), {"collection.yaml": Notes("Digits", ("a/b",)).encode()}),
        [error("invalid tag name 'a/b': only letters, digits, '_', '-', and blanks between words are allowed")],
    ),
    "a card that is no text": (
        lambda _: (_record(changed=("card",)), {"card.md": b"\xff\n"}),
        [error("a file of the collection's ref is not UTF-8")],
    ),
    "a tombstone of a version that there is not": (
        lambda desk: (
            CollectionRecord(M, "delete", 4, _gone(desk)),
            {deletion_path(_gone(desk)): Deletion("2026-01-01T00:00:00Z", "x <x>").encode()},
        ),
        [warning("it speaks of v7, commit 0101010101, which has no tag here")],
    ),
    "an edit that was left out": (
        lambda _: (_record(5, changed=("card",)), {"card.md": b"x\n"}),
        [error("the history of the card of 'm' is broken at commit {before}")],
    ),
    "another collection's edit": (
        lambda _: (CollectionRecord(CollectionName.parse("n"), "edit", 4, changed=("card",)), {"card.md": b"x\n"}),
        [error("the history of the card of 'm' at commit {tip}: a record of 'm' does not fit its commit")],
    ),
}


def _gone(desk: Desk) -> Place:
    del desk
    return Place(VersionName(M, VersionNumber(7)), Oid(b"\1" * 20))


@pytest.mark.parametrize("what", EDITS)
def test_what_gitreg_would_not_write_is_found(told: Desk, what: str) -> None:
    make, said = EDITS[what]
    before = told.oid(REF).short
    forge(told, *make(told))
    named = {"v0": told.version("m:v0").commit, "before": before, "tip": told.oid(REF).short}
    assert findings(told) == [(severity, "card of m", words.format(**named)) for severity, words in said]


def test_a_first_line_that_says_something_else_is_found(told: Desk) -> None:
    forge(told, _record(changed=("card",)), {"card.md": b"x\n"}, subject="m: tags")
    assert findings(told) == [("warning", "card of m", "the first line of its edit 4 does not say 'm: card'")]


def test_a_ref_that_somebody_moved_is_found_and_readers_say_so(told: Desk) -> None:
    told.git(f"update-ref {REF} HEAD")
    [(severity, subject, words)] = [item for item in findings(told) if item[1] == "card of m"]
    assert (severity, words.partition(",")[0]) == ("error", "somebody moved its ref by hand")
    assert subject == "card of m"


def test_an_alias_of_a_deleted_version_is_found(told: Desk) -> None:
    tip = told.oid(REF)
    told.registry.refs.change([Change(REF, tip, ZERO)])
    told.promote("m:production", "v1")
    told.registry.refs.change([Change(REF, ZERO, tip)])
    assert ("warning", "m:production", "it names v1, which was deleted by Test User") in findings(told)
    assert told.version("m:production").name.number == 1


def test_what_is_wrong_with_a_card_is_no_fault_of_the_aliases(told: Desk) -> None:
    place = next(item.place for item in _all(told) if item.name.number == 0)
    for alias in ("production", "staging"):
        told.promote(f"m:{alias}", "v0")
    forge(told, CollectionRecord(M, "delete", 4, place), {deletion_path(place): b"schema: 1\nwhen: [x]\n"})
    [(severity, subject, words)] = findings(told)
    assert (severity, subject) == ("error", "card of m")
    assert "field 'when'" in words
