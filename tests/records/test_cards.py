"""The files and records of a collection's own ref: round trips, merging, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitreg.errors import NewerSchemaError, RecordError, TooLargeError
from gitreg.records import cards, refs
from gitreg.records.cards import CollectionRecord, Deletion, Notes
from gitreg.records.names import CollectionName, VersionName, VersionNumber
from gitreg.records.objects import Oid
from gitreg.records.records import Place
from gitreg.records.trailers import Message

M = CollectionName.parse("model/M")
V3 = Place(VersionName(M, VersionNumber(103)), Oid(b"\1" * 20))

texts = st.text(max_size=20)
words = st.text("ab_-é2", min_size=1, max_size=4)
tags = st.lists(st.builds(" ".join, st.lists(words, min_size=1, max_size=2)), max_size=4, unique=True).map(tuple)
notes = st.builds(Notes, st.none() | texts, tags)


@given(notes)
def test_notes_come_back(said: Notes) -> None:
    data = said.encode()
    assert (data is None) == (said == Notes())
    assert Notes.parse(data) == said
    assert cards.check_tags(said.tags) == said.tags


@given(st.builds(Deletion, texts, texts, texts))
def test_a_tombstone_comes_back(stone: Deletion) -> None:
    assert Deletion.parse(stone.encode()) == stone


RECORDS = [
    CollectionRecord(M, "edit", 1, None, ("description", "tags", "card"), "why"),
    CollectionRecord(M, "edit", 7, V3, ("tags",)),
    CollectionRecord(M, "delete", 2, V3, reason="one: two\n\nthree"),
    CollectionRecord(M, "undelete", 3, V3),
]


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_comes_back_from_its_message(record: CollectionRecord) -> None:
    message = Message.parse(record.message())
    document = message.record(cards.COLLECTION)
    assert document
    assert CollectionRecord.parse(document) == record
    assert message.subject == record.subject


def test_the_first_line_says_what_was_done() -> None:
    assert [record.subject for record in RECORDS] == [
        "model/M: description, tags, card",
        "model/M:v103: tags",
        "model/M:v103: delete",
        "model/M:v103: undelete",
    ]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"action": "move"}, "field 'action' holds 'move', expected one of edit, delete, undelete"),
        ({"action": "delete"}, "field 'version' is missing"),
        ({"collection": "a//b"}, "field 'collection': invalid collection name"),
        ({"version": "3", "commit": "0" * 40}, "field 'version' holds '3'"),
        ({"version": "v3", "commit": "x"}, "field 'commit' holds 'x', expected an object id"),
        ({"seq": -1}, "field 'seq' holds -1"),
        ({"changed": "tags"}, "field 'changed' holds 'tags'"),
    ],
)
def test_a_record_that_is_none_is_refused(change: dict[str, object], why: str) -> None:
    with pytest.raises(RecordError, match=why):
        CollectionRecord.parse({**RECORDS[0].document(), **change})


def test_a_newer_schema_is_refused_with_words_that_say_so() -> None:
    for data in (b"schema: 2\n", b"schema: 2\nwhen: x\n"):
        with pytest.raises(NewerSchemaError, match="schema 2"):
            (Deletion if b"when" in data else Notes).parse(data)


@pytest.mark.parametrize(
    "data", [b"\xff", b"[]", b"schema: 1\ntags: [1]\n", b"schema: 1\ndescription: 1\n", b"x" * (1 << 21)]
)
def test_notes_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(RecordError):
        Notes.parse(data)


def test_a_path_names_the_version_and_nothing_else_does() -> None:
    for path in (cards.notes_path(V3), cards.deletion_path(V3)):
        assert path.startswith((f"versions/1/v103.{V3.commit}", f"deleted/1/v103.{V3.commit}"))
        assert cards.parse_path(path, M) == (path.partition("/")[0], V3)
    ours = f"v103.{V3.commit}.yaml"
    assert cards.parse_path(f"versions/{'1' * 5000}/{ours}", M) is None
    for other in (f"versions/0/{ours}", f"other/1/{ours}", f"versions/1/{ours}x", f"versions/01/{ours}", "card.md"):
        assert cards.parse_path(other, M) is None


def test_a_ref_names_its_collection() -> None:
    for base in (refs.PENDING, refs.tracking("origin"), refs.tracking("collections")):
        assert refs.parse_card(refs.card(M, base)) == M
    for other in ("refs/gitreg/collections/m@cards", "refs/gitreg/collections/m", "refs/gitreg/aliases/m@card"):
        assert refs.parse_card(other) is None


def test_a_card_ends_with_one_line_break_and_an_empty_one_is_no_file() -> None:
    assert cards.encode_card("# x\r\n\r\ny\n\n") == b"# x\n\ny\n"
    assert cards.encode_card("\n") is None
    assert cards.decode_card(None) == ""
    with pytest.raises(TooLargeError):
        cards.encode_card("x" * cards.MAX_CARD)
    for bad in ("\0", "\ud800"):
        with pytest.raises(RecordError):
            cards.encode_card(bad)


def test_limits_of_tags_and_descriptions() -> None:
    assert cards.check_tags(["a", "b", "a"]) == ("a", "b")
    assert cards.check_tags(["x" * 256]) == ("x" * 256,)
    with pytest.raises(TooLargeError):
        cards.check_tags([str(number) for number in range(1001)])
    with pytest.raises(TooLargeError):
        cards.check_description("x" * (cards.MAX_DESCRIPTION + 1))


@given(notes, notes)
def test_a_file_that_only_one_has_changed_is_taken_from_that_one(base: Notes, changed: Notes) -> None:
    old, new = base.encode(), changed.encode()
    for path in (cards.ABOUT, cards.notes_path(V3)):
        assert cards.merged(path, old, new, old) == (new, "")
        assert cards.merged(path, old, new, new) == (new, "")
        merged, conflict = cards.merged(path, old, old, new)
        assert (Notes.parse(merged), conflict) == (changed, "")


@given(notes, notes, notes)
def test_tags_of_both_are_kept_and_texts_clash_only_when_both_changed_them(
    base: Notes, mine: Notes, theirs: Notes
) -> None:
    data, conflict = cards.merged(cards.ABOUT, base.encode(), mine.encode(), theirs.encode())
    found = Notes.parse(data)
    removed = {tag for tag in base.tags if tag not in mine.tags or tag not in theirs.tags}
    assert set(found.tags) == {*mine.tags, *theirs.tags} - removed
    both = base.description not in (mine.description, theirs.description) and mine.description != theirs.description
    assert bool(conflict) == both
    assert found.description == (mine if mine.description != base.description else theirs).description


def test_of_two_tombstones_the_first_stays_and_coming_back_clashes_with_another_deletion() -> None:
    path = cards.deletion_path(V3)
    assert cards.merged(path, None, b"mine", b"theirs") == (b"theirs", "")
    assert cards.merged(path, b"old", None, b"old") == (None, "")
    assert cards.merged(path, b"old", None, b"new") == (None, "deletion")
    assert cards.merged(cards.CARD, b"old", b"mine", b"theirs") == (b"mine", "card")
