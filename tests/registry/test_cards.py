"""What is said of a collection after it was made: tags, texts and tombstones, their history, and edits that clash."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from desks import Desk, World
from gitreg.errors import InvalidNameError, NotFoundError, RefusedError, TooLargeError, VersionDeletedError
from gitreg.records.cards import MAX_TAGS, Notes
from gitreg.records.names import AliasName, CollectionName, VersionNumber
from gitreg.registry import aliases, cards, editing, versions
from gitreg.registry.cards import State
from gitreg.registry.drop import drop_version
from gitreg.registry.editing import Wanted
from gitreg.registry.publish import Report

REF = "refs/gitreg/collections/m@card"
FAR = "refs/gitreg-remotes/origin/collections/m@card"
M = CollectionName.parse("m")


@pytest.fixture
def pair(ada: Desk, bob: Desk) -> tuple[Desk, Desk]:
    """Two clones that know m:v0, m:v1 and m:v2."""
    for content in ("zero", "one", "two"):
        ada.log("m", content)
    ada.publish()
    bob.fetch()
    return ada, bob


def say(desk: Desk, reference: str = "", **wanted: object) -> tuple[str, ...]:
    """Edit m, or one of its versions; what has changed."""
    version = desk.version(reference) if reference else None
    return editing.edit(desk.registry, M, Wanted(**wanted), version=version)[1]  # type: ignore[arg-type]


def state(desk: Desk) -> State:
    return cards.state(desk.registry, M)


def tags(desk: Desk, reference: str) -> tuple[str, ...]:
    return state(desk).notes(desk.version(reference).place).tags


def refused(report: Report) -> list[tuple[str, str]]:
    return [(item.name, item.why) for item in report.refused]


def log(desk: Desk, ref: str = REF) -> list[str]:
    return desk.git(f"log --format=%s {ref}").splitlines()


# what is written


def test_a_state_is_a_tree_that_git_shows_and_each_edit_a_commit_that_says_what_it_changed(three: Desk) -> None:
    assert say(three, description="Digits", add=["vision", "small"], card="# Digits\n\nMade of MNIST.") == (
        "description",
        "tags",
        "card",
    )
    assert say(three, "m:v1", add=["ready for review"]) == ("tags",)
    commit = three.git("rev-parse m@v1^0")
    files = three.git(f"ls-tree -r --name-only {REF}").splitlines()
    assert files == ["card.md", "collection.yaml", f"versions/0/v1.{commit}.yaml"]
    assert three.git(f"show {REF}:card.md") == "# Digits\n\nMade of MNIST."
    about = yaml.safe_load(three.git(f"show {REF}:collection.yaml"))
    assert about == {"schema": 1, "description": "Digits", "tags": ["vision", "small"]}
    assert log(three) == ["m:v1: tags", "m: description, tags, card", "collection m@card"]
    found = yaml.safe_load(three.git(f"log -1 --format='%(trailers:key=Gitreg-Collection,valueonly)' {REF}"))
    assert found == {
        "schema": 1,
        "collection": "m",
        "action": "edit",
        "seq": 2,
        "version": "v1",
        "commit": commit,
        "changed": ["tags"],
    }
    assert three.sh("git fsck --strict --no-dangling 2>&1") == ""


def test_saying_what_is_said_already_writes_nothing(three: Desk) -> None:
    assert say(three, "m:v1", description="the one", add=["a"]) == ("description", "tags")
    tip = three.oid(REF)
    assert say(three, "m:v1", description="the one", add=["a"], remove=["b"]) == ()
    assert say(three, "m:v2", description="") == ()
    assert three.oid(REF) == tip


def test_what_is_taken_back_leaves_no_file_and_a_history(three: Desk) -> None:
    say(three, description="Digits", add=["a"])
    say(three, description="", remove=["a"])
    assert three.git(f"ls-tree -r --name-only {REF}") == ""
    assert len(log(three)) == 3
    assert state(three).notes() == Notes()


@pytest.mark.parametrize("tag", ["", " a", "a ", "a/b", "a:b", "a\n", "x" * 257, "a\tb", "\u202ea"])
def test_a_tag_that_is_none_is_refused_and_nothing_is_written(three: Desk, tag: str) -> None:
    with pytest.raises(InvalidNameError):
        say(three, "m:v1", add=["good", tag])
    assert three.refs("refs/gitreg/collections") == []


def test_among_as_many_tags_as_there_may_be_one_that_is_there_can_be_added(three: Desk) -> None:
    say(three, "m:v1", add=[f"tag {number}" for number in range(MAX_TAGS)])
    assert say(three, "m:v1", add=["tag 7"]) == ()
    with pytest.raises(TooLargeError, match="1001 tags"):
        say(three, "m:v1", add=["another"])
    assert say(three, "m:v1", add=["another"], remove=["tag 7"]) == ("tags",)


def test_a_hundred_versions_share_a_folder(three: Desk) -> None:
    three.sh("for n in $(seq 3 205); do git tag -m x m@v$n m@v0^0; done")
    version = three.version("m:v0")
    far = replace(version, name=replace(version.name, number=VersionNumber(205)))
    editing.edit(three.registry, M, Wanted(add=["far"]), version=far)
    assert three.git(f"ls-tree -r --name-only {REF}") == f"versions/2/v205.{version.commit}.yaml"
    assert state(three).notes(far.place).tags == ("far",)


# deleting


def test_a_deleted_version_is_no_longer_latest_and_says_who_deleted_it(three: Desk) -> None:
    editing.delete(three.registry, three.version("m:v2"), reason="wrong labels")
    assert str(three.version("m").name) == "m:v1"
    with pytest.raises(VersionDeletedError) as caught:
        three.version("m:v2")
    assert str(caught.value) == "'m:v2' was deleted on 2026-01-02 by Test User: wrong labels"
    assert caught.value.hint == "gitreg show m:v2 --deleted shows it, gitreg undelete m:v2 brings it back"
    assert three.git("rev-parse m@v2^0")


def test_the_number_of_a_deleted_version_is_never_used_again(three: Desk) -> None:
    editing.delete(three.registry, three.version("m:v2"))
    assert str(three.log("m", "three").name) == "m:v3"


def test_the_content_of_a_deleted_version_can_be_logged_again(three: Desk) -> None:
    editing.delete(three.registry, three.version("m:v2"))
    assert str(three.log("m", "one").name) == "m:v1"
    assert str(three.log("m", "two").name) == "m:v3"


def test_a_collection_of_deleted_versions_keeps_its_type_and_its_numbers(three: Desk) -> None:
    for number in (0, 1, 2):
        editing.delete(three.registry, three.version(f"m:v{number}"))
    with pytest.raises(VersionDeletedError, match="was deleted"):
        three.version("m")
    with pytest.raises(ValueError, match="is of type 'model'"):
        three.log("m", "three", type="dataset")
    assert str(three.log("m", "two").name) == "m:v3"


def test_deleting_and_bringing_back_are_both_in_the_history(three: Desk) -> None:
    version = three.version("m:v2")
    editing.delete(three.registry, version, reason="wrong labels")
    assert editing.undelete(three.registry, version, reason="they were right")
    assert not editing.undelete(three.registry, version)
    assert str(three.version("m").name) == "m:v2"
    assert log(three) == ["m:v2: undelete", "m:v2: delete", "collection m@card"]
    assert "they were right" in three.git(f"log -1 --format=%b {REF}")


def test_a_version_that_an_alias_names_is_deleted_with_it_or_not_at_all(three: Desk) -> None:
    three.promote("m:production", "v2")
    with pytest.raises(RefusedError, match="'m:production' names it") as caught:
        editing.delete(three.registry, three.version("m:v2"))
    assert caught.value.hint == "gitreg delete m:v2 --delete-aliases removes it too"
    assert three.refs("refs/gitreg/collections") == []
    assert [str(name) for name in editing.delete(three.registry, three.version("m:v2"), delete_aliases=True)] == [
        "m:production"
    ]
    assert three.place("m:production") == ""
    assert str(three.version("m").name) == "m:v1"


def test_a_protected_alias_keeps_its_version(three: Desk) -> None:
    policy = "aliases: {production: {protected: true}, 'm:staging': {protected: false}, staging: {protected: true}}"
    three.promote("m:production", "v2")
    three.promote("m:staging", "v1")
    three.sh(
        f'mkdir .gitreg && echo "{policy}" >.gitreg/policy.yaml && git add .gitreg && git commit --quiet -m policy'
    )
    with pytest.raises(RefusedError, match="is protected"):
        editing.delete(three.registry, three.version("m:v2"), delete_aliases=True)
    assert three.place("m:production") == "m:v2"
    editing.delete(three.registry, three.version("m:v1"), delete_aliases=True)
    assert three.place("m:staging") == ""


def test_no_alias_moves_to_a_deleted_version(three: Desk) -> None:
    version = three.version("m:v2")
    editing.delete(three.registry, version)
    with pytest.raises(VersionDeletedError):
        aliases.move(three.registry, AliasName(M, "production"), version)
    assert three.refs("refs/gitreg/aliases") == []


def test_a_link_outlives_its_source_and_the_source_its_link(three: Desk) -> None:
    link = three.link(three.version("m:v2"), "model/M")
    editing.delete(three.registry, three.version("m:v2"))
    assert three.version("model/M").commit == link.commit
    editing.undelete(three.registry, three.details("m:v1").version)
    editing.delete(three.registry, three.version("model/M"))
    with pytest.raises(VersionDeletedError, match="'model/M:v0' was deleted"):
        three.version("model/M:v0")
    assert str(three.link(three.version("m:v1"), "model/M").name) == "model/M:v1"


def test_of_a_commit_that_was_linked_twice_only_the_deleted_number_is_gone(three: Desk) -> None:
    for reference in ("m:v2", "m:v1", "m:v2"):
        three.link(three.version(reference), "model/M")
    editing.delete(three.registry, three.version("model/M:v2"))
    assert str(three.version("model/M").name) == "model/M:v1"
    assert str(three.version("model/M:v0").name) == "model/M:v0"


# publishing


def test_an_edit_is_pending_until_it_is_published_and_then_others_see_it(pair: tuple[Desk, Desk]) -> None:
    ada, bob = pair
    say(ada, description="Digits", add=["vision"])
    say(ada, "m:v1", add=["ready"])
    editing.delete(ada.registry, ada.version("m:v2"), reason="wrong")
    assert not state(ada).published
    bob.fetch()
    assert state(bob).notes() == Notes()
    report = ada.publish()
    assert (report.cards, report.edits, report.refused) == (["m: description, tags; tags of v1; v2 deleted"], 3, [])
    assert ada.refs("refs/gitreg/") == []
    assert state(ada).published
    bob.fetch()
    assert state(bob).notes() == Notes("Digits", ("vision",))
    assert tags(bob, "m:v1") == ("ready",)
    assert str(bob.version("m").name) == "m:v1"


def test_tags_of_two_people_become_one_set(pair: tuple[Desk, Desk]) -> None:
    ada, bob = pair
    say(ada, add=["a", "b"])
    ada.publish()
    bob.fetch()
    say(ada, add=["ada"], remove=["a"])
    say(bob, add=["bob"], remove=["b"])
    ada.publish()
    assert bob.publish().refused == []
    ada.fetch()
    assert state(ada).notes().tags == state(bob).notes().tags == ("ada", "bob")
    assert log(ada, FAR)[:2] == ["m: tags", "m: tags"]


def test_different_fields_of_two_people_both_stay(pair: tuple[Desk, Desk]) -> None:
    ada, bob = pair
    say(ada, description="Digits")
    editing.delete(ada.registry, ada.version("m:v2"))
    ada.publish()
    say(bob, card="# Digits")
    say(bob, "m:v0", description="the first")
    assert bob.publish().refused == []
    found = state(bob)
    assert (found.notes().description, found.card) == ("Digits", "# Digits\n")
    assert found.notes(bob.version("m:v0").place).description == "the first"
    assert str(bob.version("m").name) == "m:v1"


def test_what_others_have_deleted_counts_before_our_own_edits_are_published(pair: tuple[Desk, Desk]) -> None:
    ada, bob = pair
    editing.delete(ada.registry, ada.version("m:v2"))
    ada.publish()
    say(bob, add=["mine"])
    bob.fetch()
    assert str(bob.version("m").name) == "m:v1"
    assert state(bob).notes().tags == ("mine",)


@pytest.mark.parametrize("ours", [False, True])
def test_a_text_that_both_changed_waits_for_somebody_to_choose(pair: tuple[Desk, Desk], *, ours: bool) -> None:
    ada, bob = pair
    say(ada, card="Ada's")
    ada.publish()
    say(bob, card="Bob's", add=["bob"])
    assert refused(bob.publish()) == [("m", "card was changed by others, too")]
    assert state(bob).card == "Bob's\n"
    with pytest.raises(RefusedError, match="card was changed by others, too"):
        say(bob, add=["more"])
    if ours:
        (card,) = editing.pending_cards(bob.registry)
        assert editing.rebase(bob.registry, card, ours=True) == ["card"]
    else:
        editing.reset(bob.registry, M)
    assert bob.publish().refused == []
    ada.fetch()
    assert state(ada).card == ("Bob's\n" if ours else "Ada's\n")
    # nothing that was published is ever lost
    assert ada.git(f"show {FAR}{'~1' if ours else ''}:card.md") == "Ada's"


def test_the_same_change_of_both_is_made_once(pair: tuple[Desk, Desk]) -> None:
    ada, bob = pair
    for desk in pair:
        say(desk, description="Digits")
        editing.delete(desk.registry, desk.version("m:v2"), reason=f"said at {desk.path.name}")
    ada.publish()
    assert bob.publish().refused == []
    assert len(log(bob, FAR)) == 3
    stone = state(bob).deletion(bob.version("m:v1").place)
    assert stone is None
    with pytest.raises(VersionDeletedError, match="said at ada"):
        bob.version("m:v2")


def test_edits_of_a_draft_follow_it_to_its_new_number(pair: tuple[Desk, Desk]) -> None:
    ada, bob = pair
    ada.log("m", "ada's")
    draft = bob.log("m", "bob's")
    say(bob, "m:v3", add=["mine"], description="mine")
    editing.delete(bob.registry, bob.log("m", "bob's second"))
    ada.publish()
    report = bob.publish()
    assert {str(old): str(new) for old, new in report.renumbered.items()} == {"m:v3": "m:v4", "m:v4": "m:v5"}
    assert report.refused == []
    assert bob.version("m:v4").commit == draft.commit
    assert str(bob.version("m").name) == "m:v4"
    ada.fetch()
    assert tags(ada, "m:v4") == ("mine",)
    assert tags(ada, "m:v3") == ()
    assert log(ada, FAR) == ["m:v5: delete", "m:v4: description, tags", "collection m@card"]


def test_an_edit_of_a_version_that_is_held_back_waits_for_it(pair: tuple[Desk, Desk]) -> None:
    ada, _ = pair
    version = ada.log("m", "lost")
    say(ada, "m:v3", add=["mine"])
    ada.sh("rm -rf .dvc/cache .git/gitreg/keep")
    found = dict(refused(ada.publish()))
    assert found["m"] == "'m:v3' is not published"
    assert tags(ada, "m:v3") == ("mine",)
    assert version.commit == ada.version("m:v3").commit


def test_a_deletion_waits_while_an_alias_names_the_version_elsewhere(pair: tuple[Desk, Desk]) -> None:
    ada, bob = pair
    ada.promote("m:production", "v2")
    ada.publish()
    editing.delete(bob.registry, bob.version("m:v2"))
    why = "'m:production' names 'm:v2' there, which was deleted here: gitreg undelete m:v2"
    assert refused(bob.publish()) == [("m", why)]
    assert editing.undelete(bob.registry, bob.details("m:v1").version) is False
    (gone,) = state(bob).deleted
    editing.undelete(bob.registry, next(item for item in versions.all_versions(bob.registry, M) if item.place == gone))
    assert bob.publish().refused == []
    assert str(bob.version("m").name) == "m:v2"


def test_an_alias_waits_while_its_version_is_deleted_elsewhere(pair: tuple[Desk, Desk]) -> None:
    ada, bob = pair
    editing.delete(ada.registry, ada.version("m:v2"))
    ada.publish()
    bob.promote("m:production", "v2")
    assert refused(bob.publish()) == [("m:production", "'m:v2' was deleted by Ada Example")]


@pytest.mark.parametrize("name", ["aliases/m@odd", "collections/m@card"])
def test_what_somebody_broke_on_the_remote_holds_back_nothing_else(pair: tuple[Desk, Desk], name: str) -> None:
    ada, bob = pair
    ada.log("other", "x")
    bob.git(f"push --quiet --no-verify origin HEAD:refs/gitreg/{name}")
    if name.startswith("aliases"):
        editing.delete(ada.registry, ada.version("m:v0"))
    else:
        say(ada, description="mine")
        ada.promote("m:prod", "v0")
    ada.promote("other:prod", "v0")
    report = ada.publish()
    assert (report.aliases, [str(name) for name in report.versions]) == (
        ["other:prod -> v0"],
        ["other:v0"],
    )
    assert {item.name for item in report.refused} == ({"m"} if name.startswith("aliases") else {"m", "m:prod"})


def test_an_alias_and_its_version_are_deleted_in_one_publishing(pair: tuple[Desk, Desk]) -> None:
    ada, bob = pair
    ada.promote("m:production", "v2")
    ada.publish()
    bob.fetch()
    editing.delete(bob.registry, bob.version("m:v2"), delete_aliases=True)
    report = bob.publish()
    assert (report.aliases, report.cards, report.refused) == (["m:production -> nothing"], ["m: v2 deleted"], [])


def test_a_server_says_what_its_clones_say(pair: tuple[Desk, Desk], world: World) -> None:
    ada, _ = pair
    say(ada, description="Digits")
    editing.delete(ada.registry, ada.version("m:v2"))
    ada.publish()
    server = Desk(world.server, ada._shell)
    assert state(server).notes().description == "Digits"
    assert state(server).published
    assert str(server.version("m").name) == "m:v1"
    server.registry.close()


def test_giving_up_needs_something_to_give_up(pair: tuple[Desk, Desk]) -> None:
    ada, _ = pair
    with pytest.raises(NotFoundError, match="no edit of 'm' is pending"):
        editing.reset(ada.registry, M)


# taking back


def test_what_was_said_of_a_draft_goes_with_it(pair: tuple[Desk, Desk]) -> None:
    ada, _ = pair
    draft = ada.log("m", "mine")
    say(ada, "m:v3", add=["mine"])
    say(ada, add=["all"])
    drop_version(ada.registry, draft)
    assert state(ada).notes().tags == ("all",)
    assert log(ada) == ["m: tags", "collection m@card"]
    assert ada.publish().refused == []


def test_what_was_said_only_of_a_draft_leaves_nothing_when_it_goes(three: Desk) -> None:
    say(three, "m:v2", add=["mine"])
    drop_version(three.registry, three.version("m:v2"))
    assert three.refs("refs/gitreg/collections") == []


def test_what_was_said_of_a_version_stays_when_an_earlier_one_of_its_run_is_dropped(desk: Desk) -> None:
    run = desk.start()
    first, _ = run.log_artifact(desk.draft("data", "one"))
    second, _ = run.log_artifact(desk.draft("m", "two"))
    run.finish("finished")
    say(desk, "m:v0", add=["mine"])
    drop_version(desk.registry, first)
    assert desk.version("m:v0").commit != second.commit
    assert tags(desk, "m:v0") == ("mine",)
