"""What a server lets nobody push: versions that move, records that do not go on, words that are not so."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from guarding import Door

from desks import Desk, World
from gitreg.errors import UsageError
from gitreg.promotion.guard import Update, parse_lines
from gitreg.records.names import CollectionName
from gitreg.records.objects import ZERO, Oid, hash_object
from gitreg.registry import cards, editing
from gitreg.registry.editing import Wanted

M = CollectionName.parse("m")
ALIAS = "refs/gitreg/aliases/m@staging"
CARD = "refs/gitreg/collections/m@card"

Change = Callable[[str], str]
# What is done to the tag of m:v2, to the tree of its commit, and to the third move of m:staging; why that is refused.
NO_VERSIONS: list[tuple[Change, str]] = [
    (lambda text: text.replace("tag m@v2", "tag m@v3"), "header, ref and record of tag 'm@v2' disagree"),
    (lambda text: text.replace("number: 2", "number: 3"), "header, ref and record of tag 'm@v2' disagree"),
    (lambda text: text.replace("m:v2\n", "m:v9\n", 1), "its first line does not say 'm:v2'"),
    (lambda text: text.replace("files: 1", "files: 2"), "tag and commit of 'm:v2' disagree about 'files'"),
    (lambda text: text.replace("schema: 1", "schema: 2"), "version has schema 2, this gitreg reads up to 1"),
    (lambda text: text.replace("files: 1", "files: &a 1"), "anchor"),
    (lambda text: f"{text}Gitreg-Version: ---\n  schema: 1\n", "is no version's tag"),
    (lambda text: text.partition("\n\n")[0] + "\n\nm:v2\n", "is no version's tag"),
]
NO_TREES = [
    ("100644 blob {blob}\\tREADME", "its tree holds 'README'"),
    ("120000 blob {blob}\\tlink", "'/' in its tree holds more than files of mode 100644"),
    ("40000 tree {tree}\\t.github", "its tree holds '.github'"),
]
NO_MOVES: list[tuple[Change, str]] = [
    (lambda text: text.replace("seq: 3", "seq: 4"), "is broken at commit"),
    (lambda text: text.replace("previous: {version: v0", "previous: {version: v1"), "is broken at commit"),
    (lambda text: text.replace("staging -> m@v1", "staging -> m@v0"), "the first line of record 3"),
    (lambda text: text.replace("version: v1", "version: v7").replace("m@v1", "m@v7"), "names v7"),
    (lambda text: text.replace("alias: staging", "alias: other"), "does not fit its commit"),
    (lambda text: text.replace("action: set", "action: [set]"), "action"),
]


@pytest.fixture
def door(world: World, ada: Desk) -> Door:
    """A server that has m:v0 and m:v1, of two runs, and m:staging on v0 after v1."""
    for content in ("zero", "one"):
        ada.log("m", content)
    ada.promote("m:staging", "v1")
    ada.promote("m:staging", "v0")
    ada.publish()
    return Door(world, ada)


def run_of(door: Door, version: str) -> str:
    run = door.desk.details(version).run.id
    return f"refs/gitreg/runs/{run[:2]}/{run}"


def test_the_input_of_the_hook_is_read_line_by_line() -> None:
    one, other = "1" * 40, "2" * 40
    ref = "refs/tags/m@v0 \x85\u2028x"
    assert parse_lines(f"{one} {other} {ref}\n") == (Update(Oid.parse(one), Oid.parse(other), ref),)
    assert parse_lines("") == ()
    for line in ("x", f"{one} {other}", f"{one} zz refs/heads/main"):
        with pytest.raises(UsageError, match="pre-receive"):
            parse_lines(line)


class TestAVersion:
    def test_is_made_once_and_then_neither_moves_nor_goes(self, door: Door) -> None:
        other = door.desk.oid("refs/tags/m@v1")
        assert door.one("refs/tags/m@v0", None) == "version 'm@v0' is published and is never deleted"
        assert door.one("refs/tags/m@v0", other) == "version 'm@v0' is published and never moves"
        assert door.one("refs/tags/m@v0", door.desk.oid("HEAD")) == "version 'm@v0' is published and never moves"

    def test_is_taken_when_it_is_well_formed(self, door: Door) -> None:
        fresh = door.desk.log("m", "two")
        link = door.desk.link(door.desk.version("m:v0"), "model/M")
        assert door.words(("refs/tags/m@v2", fresh.tag), ("refs/tags/model/M@v0", link.tag)) == []
        block = "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n"
        assert door.one("refs/tags/m@v2", door.rewritten(str(fresh.tag), lambda text: text + block)) == ""

    def test_is_refused_when_it_is_not(self, door: Door) -> None:
        fresh = door.desk.log("m", "two")
        for change, words in NO_VERSIONS:
            forged = door.rewritten(str(fresh.tag), change)
            assert forged != fresh.tag
            assert words in door.one("refs/tags/m@v2", forged)

    def test_of_a_newer_gitreg_is_refused_with_words_for_who_runs_the_server(self, door: Door) -> None:
        fresh = door.desk.log("m", "two")
        forged = door.replaced(str(fresh.tag), "schema: 1", "schema: 2")
        (refusal,) = door.refuses(("refs/tags/m@v2", forged))
        assert "the gitreg of this server is older" in refusal.hint

    def test_names_a_commit_that_logs_it(self, door: Door) -> None:
        fresh = door.desk.log("m", "two")
        forged = door.replaced(str(fresh.tag), fresh.commit, door.desk.oid("HEAD"))
        assert "logs no artifact" in door.one("refs/tags/m@v2", forged)

    def test_brings_nothing_but_what_belongs_to_it(self, door: Door) -> None:
        fresh = door.desk.log("m", "two")
        blob = door.written("blob", b"/etc/passwd")
        old = str(door.desk.oid(f"{fresh.commit}^{{tree}}"))
        for entry, words in NO_TREES:
            line = entry.format(blob=blob, tree=door.desk.oid("HEAD^{tree}"))
            tree = door.desk.sh(f"(git ls-tree {fresh.commit}; printf '{line}\\n') | git mktree").strip()
            commit = door.replaced(str(fresh.commit), old, tree)
            forged = door.replaced(str(fresh.tag), fresh.commit, commit)
            assert words in door.one("refs/tags/m@v2", forged)

    def test_has_the_type_and_the_kind_of_its_collection(self, door: Door) -> None:
        dataset = door.desk.log("n", "data", type="dataset")
        link = door.desk.link(door.desk.version("m:v0"), "model/M")
        as_m = door.rewritten(
            str(link.tag), lambda text: text.replace("model/M", "m").replace("tag m@v0", "tag m@v2").replace(
                "number: 0", "number: 2"
            ).replace("m:v0\n", "m:v2\n", 1)
        )  # fmt: skip
        assert door.one("refs/tags/m@v2", as_m) == "'m' holds logged versions"
        # in one push, where the collection is new
        other = door.rewritten(
            str(dataset.tag), lambda text: text.replace("n@v0", "n@v1").replace("n:v0", "n:v1").replace(
                "number: 0", "number: 1"
            ).replace("dataset", "model")
        )  # fmt: skip
        words = door.words(("refs/tags/n@v0", dataset.tag), ("refs/tags/n@v1", other))
        assert len(words) == 1
        assert "disagree about 'type'" in words[0]

    def test_does_not_differ_from_another_collection_by_case_alone(self, door: Door) -> None:
        twin = door.rewritten("m@v0", lambda text: text.replace("m@v0", "M@v0").replace("m:v0", "M:v0"))
        assert door.one("refs/tags/M@v0", twin) != ""
        first = door.desk.link(door.desk.version("m:v0"), "model/M")
        other = door.rewritten(str(first.tag), lambda text: text.replace("model/M", "Model/m"))
        words = door.words(("refs/tags/model/M@v0", first.tag), ("refs/tags/Model/m@v0", other))
        assert words == ["'Model/m' differs from 'model/M' only by case"]

    def test_leaves_people_their_own_tags(self, door: Door) -> None:
        desk = door.desk
        desk.sh("git tag v1.0 && git tag -a -m mine pkg@v1 && git tag scope/pkg@v2 && git tag m@vnext")
        mine = [(f"refs/tags/{name}", desk.oid(f"refs/tags/{name}")) for name in ("v1.0", "pkg@v1", "scope/pkg@v2")]
        assert door.words(*mine, ("refs/tags/m@vnext", desk.oid("HEAD"))) == []
        door.world.on_server(f"git update-ref refs/tags/pkg@v1 {desk.oid('HEAD')}")
        assert door.one("refs/tags/pkg@v1", desk.oid("HEAD^")) == ""
        assert door.one("refs/tags/pkg@v1", None) == ""

    def test_whose_name_is_no_text_is_nobodys(self, door: Door) -> None:
        assert door.words(("refs/tags/\udcff@v1", door.desk.oid("HEAD")), ("refs/tags/\udcff@v2", None)) == []

    def test_is_not_pushed_aside_by_somebodys_own_tag(self, door: Door) -> None:
        head, version = door.desk.oid("HEAD"), door.desk.oid("m@v1^{commit}")
        assert door.one("refs/tags/m@v2", head) == "'m@v2' is no version's tag, and would take a number of 'm'"
        assert "is no version's tag" in door.one("refs/tags/new@v0", version)
        assert door.one("refs/tags/m@v2/x", head) == "'m@v2/x' is no version's tag, and would take a number of 'm'"
        assert "is no name of a version" in door.one("refs/tags/m@v2/x", door.desk.oid("refs/tags/m@v1"))
        assert door.one("refs/tags/m@v02", door.desk.oid("refs/tags/m@v1")) == "'m@v02' is no name of a version"
        door.world.on_server(f"git update-ref refs/tags/n@v0 {head}")
        fresh = door.desk.log("n", "data")
        taken = door.rewritten(str(fresh.tag), lambda text: text.replace("n@v1", "n@v0").replace("n:v1", "n:v0"))
        assert door.one("refs/tags/n@v0", taken) == "'n@v0' is somebody's own tag, and its number is taken"

    def test_of_many_megabytes_is_not_read(self, door: Door) -> None:
        head = door.desk.oid("HEAD")
        tag = f"object {head}\ntype commit\ntag {{}}\ntagger A <a@b> 0 +0000\n\n".encode()
        huge = door.written("tag", tag + b"x" * (17 << 20))
        assert "no version's tag" in door.one("refs/tags/m@v2", huge)
        assert "more than a record may have" in door.one("refs/tags/new@v0", huge)


class TestARun:
    def test_goes_on_and_never_back(self, door: Door) -> None:
        ref = run_of(door, "m:v0")
        tip, first = door.desk.oid(f"{ref.replace('gitreg/', 'gitreg-remotes/origin/')}"), door.desk.oid("m@v0^{}")
        assert door.one(ref, first) == f"'{ref[12:]}' has moved on the server and only ever moves forward"
        door.world.on_server(f"git update-ref {ref} {first}")
        assert door.one(ref, tip) == ""
        assert door.one(ref, None) == f"'{ref[12:]}' is a record of the registry and is never deleted"

    def test_is_not_another_run_nor_anything_else(self, door: Door) -> None:
        ref, other = run_of(door, "m:v0"), door.desk.oid("m@v1^{}")
        for new in (other, door.desk.oid("HEAD")):
            assert door.one(ref, new) == f"'{ref[12:]}' would point at commit {new.short}, which is no record of it"
        assert "is a tag, expected a commit" in door.one(ref, door.desk.oid("refs/tags/m@v0"))
        assert "is a tree, expected a commit" in door.one("refs/gitreg/runs/ab/abc", door.desk.oid("HEAD^{tree}"))

    def test_used_what_there_is(self, door: Door) -> None:
        made = door.desk.log("n", "made from m", use=[door.desk.version("m:v0")])
        run = door.desk.details("n:v0").run
        ref = f"refs/gitreg/runs/{run.id[:2]}/{run.id}"
        assert door.one(ref, made.commit) == ""
        digest = door.desk.details("m:v0").record.digest
        lie = door.replaced(str(made.commit), digest, "ab" * 16)
        assert f"run '{run.id}' used 'm:v0'" in door.one(ref, lie)
        hidden = door.replaced(str(made.commit), f"parent {door.desk.oid('m@v0^{}')}\n", "")
        assert "are not the inputs of run" in door.one(ref, hidden)


class TestAnAlias:
    def test_goes_on_from_its_newest_move(self, door: Door) -> None:
        fresh = door.move("m:staging", "v1")
        assert door.one(ALIAS, fresh) == ""
        door.take(ALIAS, fresh)
        assert door.one(ALIAS, door.move("m:staging", None)) == ""
        assert door.one("refs/gitreg/aliases/m@new", door.move("m:new", "v0")) == ""

    def test_is_never_taken_back_or_begun_anew(self, door: Door) -> None:
        tip = door.desk.oid("refs/gitreg-remotes/origin/aliases/m@staging")
        fork = door.move("m:staging", "v0", after=door.desk.oid(f"{tip}^"))
        moved = "'aliases/m@staging' has moved on the server and only ever moves forward"
        assert door.one(ALIAS, door.desk.oid(f"{tip}^")) == moved
        assert door.one(ALIAS, fork) == moved
        assert door.one(ALIAS, None) == "'aliases/m@staging' is a record of the registry and is never deleted"
        root = door.desk.oid(f"{tip}~2")
        nothing = f"'aliases/m@staging' would point at commit {root.short}, which is no record of it"
        assert door.one(ALIAS, root) == nothing
        assert door.one("refs/gitreg/aliases/m@other", tip) != ""

    def test_says_what_is_so(self, door: Door) -> None:
        honest = door.move("m:staging", "v1")
        for change, words in NO_MOVES:
            forged = door.rewritten(str(honest), change)
            assert forged != honest
            assert words in door.one(ALIAS, forged)

    def test_brings_the_tree_of_its_version(self, door: Door) -> None:
        honest = door.move("m:staging", "v1")
        trees = [door.desk.oid(f"{name}^{{tree}}") for name in (honest, "m@v0")]
        forged = door.replaced(str(honest), *trees)
        assert "a deployment would check out another" in door.one(ALIAS, forged)

    def test_names_a_version_that_is_published_or_comes_along(self, door: Door) -> None:
        fresh = door.desk.log("m", "two")
        move = door.move("m:staging", "v2")
        assert "which is not published" in door.one(ALIAS, move)
        assert door.words((ALIAS, move), ("refs/tags/m@v2", fresh.tag)) == []

    def test_names_what_git_would_take_of_two_tags_of_one_name(self, door: Door) -> None:
        fresh = door.desk.log("m", "two")
        other = door.replaced(str(fresh.tag), fresh.commit, door.desk.oid("m@v1^{}"))
        tags = [("refs/tags/m@v2", other), ("refs/tags/m@v2", fresh.tag)]
        refused = door.refuses(*tags, (ALIAS, door.move("m:staging", "v2")))
        assert [refusal.ref for refusal in refused] == ["refs/tags/m@v2", ALIAS]

    def test_has_no_twin_that_differs_by_case_alone(self, door: Door) -> None:
        twin = door.move("m:Staging", "v0")
        assert door.one("refs/gitreg/aliases/m@Staging", twin) == "'m:Staging' differs from 'm:staging' only by case"
        new, other = door.move("m:new", "v0"), door.move("m:NEW", "v0")
        words = door.words(("refs/gitreg/aliases/m@new", new), ("refs/gitreg/aliases/m@NEW", other))
        assert len(words) == 2

    def test_that_was_moved_by_hand_is_adopted(self, door: Door) -> None:
        by_hand = door.desk.oid("m@v1^{}")
        door.take(ALIAS, by_hand)
        assert door.desk.promote("m:staging", "v0")
        assert door.one(ALIAS, door.desk.oid(ALIAS)) == ""


class TestACard:
    @pytest.fixture
    def tips(self, door: Door) -> tuple[Oid, Oid]:
        """The first edit, which the server has, and the second."""
        found = []
        for text in ("one", "two"):
            editing.edit(door.desk.reopen(), M, Wanted(description=text))
            found.append(door.desk.oid(CARD))
        door.world.on_server(f"git update-ref {CARD} {found[0]}")
        return found[0], found[1]

    def test_goes_on_and_never_back(self, door: Door, tips: tuple[Oid, Oid]) -> None:
        assert door.one(CARD, tips[1]) == ""
        door.world.on_server(f"git update-ref {CARD} {tips[1]}")
        assert "only ever moves forward" in door.one(CARD, tips[0])
        assert "never deleted" in door.one(CARD, None)

    def test_is_an_edit_that_can_be_read(self, door: Door, tips: tuple[Oid, Oid]) -> None:
        assert "which is no record of it" in door.one(CARD, door.desk.oid("HEAD"))
        registry = door.desk.registry
        tree = door.desk.sh(
            "printf '100644 blob %s\\tcollection.yaml\\n' $(echo 'tags: x' | git hash-object -w --stdin) | git mktree"
        )
        old = str(cards.at(registry, M, tips[1]).tree)
        forged = door.replaced(str(tips[1]), old, tree.strip())
        assert "cannot be taken: field 'schema' is missing" in door.one(CARD, forged)
        silent = door.replaced(str(tips[1]), old, registry.objects.commit(tips[0]).tree)
        assert door.one(CARD, silent) == "the card of 'm' cannot be taken: its edit 2 changes nothing"
        skipped = door.replaced(str(tips[1]), "seq: 2", "seq: 5")
        assert "is broken" in door.one(CARD, skipped)

    def test_goes_on_however_many_versions_are_deleted(self, door: Door, tips: tuple[Oid, Oid]) -> None:
        desk = door.desk
        blob = door.written("blob", b"x")
        stones = "".join(f"100644 blob {blob}\tv{number}.{number:040x}.yaml\n" for number in range(300))
        (desk.path / "stones").write_text(stones)
        shard = desk.sh("git mktree <stones").strip()
        deleted = desk.sh(f"printf '40000 tree {shard}\t0\n' | git mktree").strip()
        tree = desk.sh(f"(git ls-tree {tips[0]}; printf '40000 tree {deleted}\tdeleted\n') | git mktree").strip()
        door.take(CARD, door.replaced(str(tips[0]), desk.oid(f"{tips[0]}^{{tree}}"), tree))
        desk.git(f"update-ref -d {CARD}")
        editing.edit(desk.reopen(), M, Wanted(description="three"))
        assert door.refuses((CARD, desk.oid(CARD)), most=512 << 10) == []


def test_what_is_a_clones_own_stays_there(door: Door) -> None:
    head = door.desk.oid("HEAD")
    for ref in ("refs/gitreg/drafts/m@v9", "refs/gitreg-remotes/origin/runs/ab/abc", "refs/gitreg-bundle/bytes"):
        assert door.one(ref, head) == f"'{ref}' is a clone's own, and nothing for a server"
        door.world.on_server(f"git update-ref {ref} {head}")
        assert door.one(ref, None) == ""


def test_refs_that_nobody_knows_are_refused_and_those_of_others_let_through(door: Door) -> None:
    head = door.desk.oid("HEAD")
    for ref in ("refs/gitreg/x", "refs/gitreg/aliases/m", "refs/gitreg/aliases/m@v1", "refs/gitreg/runs/aa/bb"):
        assert door.one(ref, head) == f"'{ref}' is no ref of the registry"
    others = ("refs/heads/topic", "refs/notes/commits", "refs/gitreg/doctor/x1", "refs/pull/1/head", "refs/gitregs/x")
    assert door.words(*((ref, head) for ref in others)) == []
    door.world.on_server(f"git update-ref refs/gitreg/doctor/x1 {head}")
    assert door.one("refs/gitreg/doctor/x1", None) == ""


def test_every_ref_of_a_push_is_told_of(door: Door) -> None:
    head = door.desk.oid("HEAD")
    words = door.words(("refs/tags/m@v0", None), ("refs/heads/main", head), (ALIAS, head), ("refs/tags/m@v1", ZERO))
    assert len(words) == 3


def test_a_push_that_would_keep_the_server_reading_is_refused(door: Door) -> None:
    tip = door.desk.oid("refs/gitreg-remotes/origin/aliases/m@staging")
    for number in range(20):
        tip = door.move("m:staging", f"v{number % 2}", after=tip)
    assert door.refuses((ALIAS, tip), most=1 << 20) == []
    (refusal,) = door.refuses((ALIAS, tip), most=10 << 10)
    assert refusal.words == "this push holds more records than the server reads at once"


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_pushed_is_answered(door: Door, seed: int) -> None:
    """Objects with a few bytes changed are taken or refused, and nothing else happens."""
    desk, chance = door.desk, random.Random(seed)
    editing.edit(desk.reopen(), M, Wanted(description="one"))
    run = run_of(door, "m:v0")
    pushed: list[tuple[str, Oid | None]] = []
    made: list[tuple[str, bytes]] = []
    for ref, base in (
        ("refs/tags/m@v{}", desk.oid("refs/tags/m@v1")),
        ("refs/gitreg/aliases/m@a{}", door.move("m:staging", "v1")),
        (f"{run[:-2]}{{}}", desk.oid("m@v0^{}")),
        ("refs/gitreg/collections/m@card", desk.oid(CARD)),
    ):
        kind, data = desk.registry.objects.read(base)
        for number in range(40):
            made.append((kind, _mangled(data, chance)))
            pushed.append((ref.format(number + 10), hash_object(*made[-1])))
    desk.registry.objects.write(made)
    assert door.words(*pushed)


def _mangled(data: bytes, chance: random.Random) -> bytes:
    """The bytes with a piece of them taken out, doubled, or replaced by what nobody expects."""
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(data))
        end = start + chance.randrange(1, 20)
        pieces = [
            b"",
            data[start:end] * 2,
            b"\0",
            b"\xff\xfe",
            b"\n\n",
            b": &a [*a]",
            b"1" * 5000,
            b"{" * 500,
            b"\n  x: {y: 1}",
        ]
        data = data[:start] + chance.choice(pieces) + data[end:]
    return data
