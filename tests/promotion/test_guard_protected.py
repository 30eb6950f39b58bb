"""A server lets a protected alias move only as its default branch says."""

from __future__ import annotations

import pytest
from guarding import MAIN, POLICY, Door

from desks import Desk, World
from gitreg.git.objects import Batch
from gitreg.promotion.backing import Branch, objection
from gitreg.promotion.wanted import Entry
from gitreg.records.behind import By, Merged
from gitreg.records.names import AliasName, CollectionName, VersionName, VersionNumber
from gitreg.records.objects import Oid
from gitreg.records.records import AliasRecord, Place
from gitreg.records.trailers import Message
from gitreg.registry import aliases, editing

REF = "refs/gitreg/aliases/m@production"


@pytest.fixture
def door(world: World, ada: Desk) -> Door:
    """A server with m:v0 to m:v2, where 'production' is protected and names v0, as it did before that."""
    for content in ("zero", "one", "two"):
        ada.log("m", content)
    ada.promote("m:production", "v0")
    ada.publish()
    found = Door(world, ada)
    found.policy()
    return found


def test_a_direct_move_is_refused_with_what_to_type(door: Door) -> None:
    for version, asked in (("v1", "v1"), (None, "--remove")):
        (refusal,) = door.refuses((REF, door.move("m:production", version)))
        assert refusal.words == f"'m:production' is protected, and its move to {version or 'nothing'} names no request"
        assert refusal.hint.startswith(f"ask for it: gitreg promote m:production {asked};")
    assert door.one("refs/gitreg/aliases/m@staging", door.move("m:staging", "v1")) == ""


def test_a_move_that_the_branch_asks_for_is_taken(door: Door) -> None:
    merged = door.merges("production: v1\n")
    assert door.one(REF, door.move("m:production", "v1", merged)) == ""


def test_several_moves_are_taken_in_the_order_of_the_branch(door: Door) -> None:
    first, second = door.merges("production: v1\n"), door.merges("production: v2\n")
    one = door.move("m:production", "v1", first)
    assert door.one(REF, door.move("m:production", "v2", second, after=one)) == ""
    two = door.move("m:production", "v2", second)
    back = door.one(REF, door.move("m:production", "v1", first, after=two))
    assert back.endswith(f"its move to v1 goes back: 'main' has moved it since commit {first.short}")


def test_what_a_later_request_has_replaced_does_not_come_back(door: Door) -> None:
    first, second = door.merges("production: v1\n"), door.merges("production: v2\n")
    door.take(REF, door.move("m:production", "v2", second))
    assert "goes back" in door.one(REF, door.move("m:production", "v1", first))
    # nor when somebody could move it directly in between, as before there was a guard
    door.take(REF, door.move("m:production", "v0"))
    assert "goes back" in door.one(REF, door.move("m:production", "v1", first))
    assert door.one(REF, door.move("m:production", "v2", second)) == ""


def test_another_version_than_the_branch_says_is_refused(door: Door) -> None:
    merged = door.merges("production: v1\n")
    words = door.one(REF, door.move("m:production", "v2", merged))
    assert words.endswith(f"is not what 'main' asks for at commit {merged.short}: it says v1")
    assert "it says v1" in door.one(REF, door.move("m:production", None, merged))
    nothing = door.merges("production: null\n")
    assert "it says null" in door.one(REF, door.move("m:production", "v1", nothing))
    assert door.one(REF, door.move("m:production", None, nothing)) == ""
    wrong = door.merges("production: {version: v1, commit: abcdef0}\n")
    assert "it says commit abcdef0" in door.one(REF, door.move("m:production", "v1", wrong))


def test_only_what_is_merged_counts(door: Door) -> None:
    desk = door.desk
    desk.sh("git checkout --quiet -b topic")
    desk.sh("mkdir -p .gitreg/aliases && echo 'production: v1' >.gitreg/aliases/m.yaml && git add .gitreg")
    desk.sh("git commit --quiet -m 'not merged' && git push --quiet --no-verify origin topic")
    asked = desk.oid("HEAD")
    refused = f"names commit {asked.short}, which is not on 'main'"
    assert refused in door.one(REF, door.move("m:production", "v1", asked))
    # merged it is on the branch's history, and not on its first parents: what is on these has been looked at
    desk.sh("git checkout --quiet -B main origin/main && git merge --quiet --no-ff -m merge topic")
    desk.sh("git push --quiet --no-verify origin main")
    assert refused in door.one(REF, door.move("m:production", "v1", asked))
    assert door.one(REF, door.move("m:production", "v1", desk.oid("HEAD"))) == ""
    missing = Oid.parse("1" * 40)
    assert "which is not on 'main'" in door.one(REF, door.move("m:production", "v1", missing))


def test_what_no_file_lists_any_more_is_removed_and_what_none_has_listed_is_left(door: Door) -> None:
    elsewhere = door.merges("staging: v1\n")
    assert "it does not list the alias" in door.one(REF, door.move("m:production", None, elsewhere))
    door.take(REF, door.move("m:production", "v1", door.merges("production: v1\n")))
    gone = door.merges("")
    assert "it does not list the alias" in door.one(REF, door.move("m:production", "v2", gone))
    assert door.one(REF, door.move("m:production", None, gone)) == ""


class TestAPushOfSeveralRefs:
    def test_is_judged_by_the_branch_as_it_is(self, door: Door) -> None:
        # git may take the alias, and refuse the branch: then nobody would have asked for the move
        desk = door.desk
        desk.sh("mkdir -p .gitreg/aliases && echo 'production: v1' >.gitreg/aliases/m.yaml && git add .gitreg")
        desk.sh("git commit --quiet -m request")
        head = desk.oid("HEAD")
        (refusal,) = door.refuses((MAIN, head), (REF, door.move("m:production", "v1", head)))
        assert "which is not on 'main'" in refusal.words
        assert refusal.hint.startswith("push 'main' first")

    def test_does_not_bring_its_own_policy(self, door: Door) -> None:
        door.desk.sh("git rm --quiet .gitreg/policy.yaml && git commit --quiet -m 'nothing is protected'")
        head = door.desk.oid("HEAD")
        assert "is protected" in door.words((MAIN, head), (REF, door.move("m:production", "v1")))[0]

    def test_brings_a_version_and_the_alias_that_shall_name_it(self, door: Door) -> None:
        fresh = door.desk.log("m", "three")
        move = door.move("m:production", "v3", door.merges("production: v3\n"))
        assert door.words((REF, move), ("refs/tags/m@v3", fresh.tag)) == []


def test_nobody_claims_of_an_open_alias_that_a_request_was_merged(door: Door) -> None:
    ref, merged = "refs/gitreg/aliases/m@staging", door.merges("staging: v1\n")
    assert door.one(ref, door.move("m:staging", "v1", merged)) == ""
    (refusal,) = door.refuses((ref, door.move("m:staging", "v2", merged)))
    assert refusal.words.startswith("'m:staging' cannot move: its move to v2 is not what 'main' asks for")


def test_a_policy_that_cannot_be_read_protects_everything(door: Door) -> None:
    door.policy("aliases: [production]\n")
    words = door.one("refs/gitreg/aliases/m@staging", door.move("m:staging", "v1"))
    assert words.startswith("'aliases/m@staging' cannot be taken: '.gitreg/policy.yaml', line 1:")
    door.policy(POLICY)
    assert door.one("refs/gitreg/aliases/m@staging", door.move("m:staging", "v1")) == ""


def test_a_file_that_cannot_be_read_asks_for_nothing(door: Door) -> None:
    merged = door.merges("production: v1\nproduction: v2\n")
    assert "'.gitreg/aliases/m.yaml', line" in door.one(REF, door.move("m:production", "v1", merged))


def test_a_server_without_a_default_branch_has_no_policy(door: Door) -> None:
    door.world.on_server("git symbolic-ref HEAD refs/heads/none")
    assert door.one(REF, door.move("m:production", "v1")) == ""


def test_a_server_whose_head_is_no_branch_protects_what_that_commit_says(door: Door) -> None:
    merged = door.merges("production: v1\n")
    door.world.on_server("git update-ref --no-deref HEAD refs/heads/main")
    assert door.one(REF, door.move("m:production", "v1", merged)) == ""
    assert "it says v1" in door.one(REF, door.move("m:production", "v2", merged))


def test_what_was_moved_by_hand_is_adopted_where_it_is(door: Door) -> None:
    by_hand, merged = door.desk.oid("m@v2^{}"), door.merges("production: v1\n")
    adopted = door.adopts("m:production", "v2")
    assert "names no request" in door.one(REF, adopted)
    door.take(REF, by_hand)
    assert door.one(REF, adopted) == ""
    assert door.one(REF, door.move("m:production", "v1", merged, after=adopted)) == ""
    assert "names no request" in door.one(REF, door.move("m:production", "v1", after=adopted))


def test_a_promotion_that_is_a_version_too_is_no_move_by_hand(door: Door) -> None:
    """Who could adopt it would leave behind what says how far along the branch the alias has come."""
    desk = door.desk
    door.merges("production: v1\n")
    door.take(REF, door.move("m:production", "v2", door.merges("production: v2\n")))
    two, other = desk.details("m:v2"), desk.log("n", "other", use=[desk.version("m:v2")])
    records = [
        Message.parse(desk.registry.objects.commit(commit).message).trailers[key]
        for commit, key in ((two.version.commit, "Gitreg-Artifact"), (other.commit, "Gitreg-Run"))
    ]
    blocks = Message("x", "", dict(zip(("Gitreg-Artifact", "Gitreg-Run"), records, strict=True))).encode()
    move = door.move("m:production", "v2", desk.oid("HEAD"))
    both = door.rewritten(str(move), lambda text: text + blocks.partition("\n\n")[2])
    door.take(REF, both)
    run = desk.details("n:v0").run.id
    words = {two.version.commit: both, "m@v2": "m@v3", "m:v2": "m:v3", "number: 2": "number: 3", two.run.id: run}
    tag = desk.oid("refs/tags/m@v2")
    for old, new in words.items():
        tag = door.replaced(str(tag), old, new)
    assert door.one("refs/tags/m@v3", tag) == ""
    door.take("refs/tags/m@v3", tag)
    batch, registry = Batch(), desk.reopen()
    root = aliases.end_of(registry, ALIAS, None, batch)
    place = desk.version("m:v3").place
    adopted = aliases.append(registry, batch, ALIAS, root, place, action="adopt", reason="moved by hand")
    registry.objects.write(batch.objects)
    assert "only ever moves forward" in door.one(REF, adopted)


def test_the_version_that_a_protected_alias_names_is_not_deleted(door: Door) -> None:
    move = door.move("m:production", "v1", door.merges("production: v1\n"))
    editing.delete(door.desk.reopen(), door.desk.version("m:v1"))
    one = door.desk.oid("refs/gitreg/collections/m@card")
    assert door.one("refs/gitreg/collections/m@card", one) == ""
    door.take(REF, move)
    assert door.one("refs/gitreg/collections/m@card", one) == (
        "'m:v1' cannot be deleted: 'm:production' names it, and is protected"
    )


ALIAS = AliasName(CollectionName.parse("m"), "production")
LINE = [Oid.parse(str(number) * 40) for number in range(1, 5)]


def record(version: int | None, merged: Oid | None) -> AliasRecord:
    place = None
    if version is not None:
        place = Place(VersionName(ALIAS.collection, VersionNumber(version)), Oid.parse(f"{version:040x}"))
    by = By(merged=Merged(merged)) if merged else By()
    return AliasRecord(ALIAS, "set" if place else "delete", 1, place, None, by=by)


def why(*fresh: AliasRecord, before: tuple[AliasRecord, ...] = (), protected: bool = True) -> str:
    """What is objected to where the branch says v1, v2, v3, and then nothing."""
    files = {
        oid: Entry(ALIAS, VersionName(ALIAS.collection, VersionNumber(number)))
        for number, oid in enumerate(LINE[:3], start=1)
    }
    branch = Branch("main", {oid: place for place, oid in enumerate(LINE)}, files.get)
    return objection(branch, before, fresh, protected=protected, adopted=False)


class TestWhatIsObjectedTo:
    def test_nothing_in_the_order_of_the_branch(self) -> None:
        moves = [record(number, oid) for number, oid in enumerate(LINE[:3], start=1)]
        assert why(*moves, record(None, LINE[3])) == ""
        assert why(moves[2], before=(moves[0],)) == ""
        assert why(moves[1], before=(record(9, None), moves[1])) == ""

    def test_a_step_back_wherever_it_is_hidden(self) -> None:
        moves = [record(number, oid) for number, oid in enumerate(LINE[:3], start=1)]
        assert "goes back" in why(moves[0], before=(moves[1],))
        assert "goes back" in why(moves[0], before=(record(9, None), record(8, Oid.parse("a" * 40)), moves[1]))
        assert "goes back" in why(moves[2], moves[0], moves[2])

    def test_a_removal_that_nobody_asks_for(self) -> None:
        assert why(record(None, LINE[3]), before=(record(3, LINE[2]),)) == ""
        assert "does not list" in why(record(None, LINE[3]))
        assert "does not list" in why(record(None, LINE[3]), before=(record(9, None), record(3, LINE[2])))
        assert "does not list" in why(record(9, None), record(None, LINE[3]), protected=False)

    def test_only_claims_where_nothing_is_protected(self) -> None:
        assert why(record(9, None), protected=False) == ""
        assert why(record(9, None)) == "its move to v9 names no request"
        assert "it says v1" in why(record(9, LINE[0]), protected=False)
