"""Aliases as chains: what stock git sees of each move, and what happens to moves that clash."""

from __future__ import annotations

import pytest
import yaml

from desks import Desk, alias_name
from gitreg.errors import LostRaceError, NotFoundError, RecordError, UsageError
from gitreg.records.records import alias_root_message
from gitreg.registry import aliases
from helpers import agrees

REF = "refs/gitreg/aliases/m@production"
FAR = "refs/gitreg-remotes/origin/aliases/m@production"


def record(desk: Desk, revision: str) -> dict[str, object]:
    found = yaml.safe_load(desk.git(f"log -1 --format='%(trailers:key=Gitreg-Alias,valueonly)' {revision}"))
    assert isinstance(found, dict)
    return found


def test_a_move_is_a_commit_whose_second_parent_is_the_version(three: Desk) -> None:
    assert three.promote("m:production", "v0", reason="first release\n\nafter review")
    assert three.promote("m:production", "v2")
    assert three.git(f"rev-parse {REF}^2") == three.git("rev-parse m@v2^0")
    assert three.git(f"rev-parse {REF}^{{tree}}") == three.git("rev-parse m@v2^{tree}")
    assert three.git(f"log --first-parent --format=%s {REF}").splitlines() == [
        "production -> m@v2",
        "production -> m@v0",
        "alias m@production",
    ]
    root = three.git(f"rev-list --max-parents=0 --first-parent {REF}")
    assert three.git(f"cat-file commit {root}") == (
        "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
        "author gitreg <gitreg@localhost> 0 +0000\ncommitter gitreg <gitreg@localhost> 0 +0000\n\n"
    ) + alias_root_message(alias_name("m:production")).rstrip("\n")
    assert "first release\n\nafter review" in three.git(f"log -1 --format=%B {REF}^")
    assert record(three, REF) == {
        "schema": 1,
        "collection": "m",
        "alias": "production",
        "action": "set",
        "seq": 2,
        "version": "v2",
        "commit": three.git("rev-parse m@v2^0"),
        "previous": {"version": "v0", "commit": three.git("rev-parse m@v0^0")},
    }
    assert three.sh("git fsck --strict --no-dangling 2>&1") == ""
    agrees(three.path, "m:production")
    assert three.place("m:production") == "m:v2"
    assert three.moves("m:production") == ["production -> m@v2", "production -> m@v0"]


def test_setting_what_is_set_is_no_move(three: Desk) -> None:
    assert three.promote("m:production", "v1")
    tip = three.oid(REF)
    assert not three.promote("m:production", "v1", reason="again")
    assert three.oid(REF) == tip


def test_a_removal_is_a_record_too_and_the_alias_can_come_back(three: Desk) -> None:
    three.promote("m:production", "v1")
    assert three.promote("m:production", None, reason="broken")
    assert three.git(f"log -1 --format=%P%n%T%n%s {REF}").splitlines() == [
        three.git(f"rev-parse {REF}~1"),
        "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        "production -> nothing",
    ]
    assert three.place("m:production") == ""
    assert aliases.all_aliases(three.registry) == []
    with pytest.raises(NotFoundError):
        three.version("m:production")
    with pytest.raises(NotFoundError):
        three.promote("m:production", None)
    assert three.promote("m:production", "v2")
    agrees(three.path, "m:production")
    assert three.moves("m:production") == ["production -> m@v2", "production -> nothing", "production -> m@v1"]


def test_removing_what_never_was_is_told(three: Desk) -> None:
    with pytest.raises(NotFoundError, match="alias 'production' not found in 'm'"):
        three.promote("m:production", None)
    with pytest.raises(NotFoundError):
        three.moves("m:production")
    assert three.refs("refs/gitreg/aliases") == []


def test_a_move_from_where_the_alias_is_not_is_refused(three: Desk) -> None:
    v0, v1 = three.version("m:v0").commit, three.version("m:v1").commit
    with pytest.raises(LostRaceError, match="'m:production' names nothing now") as caught:
        three.promote("m:production", "v1", expected=v0)
    assert caught.value.exit_code == 5
    three.promote("m:production", "v1")
    with pytest.raises(LostRaceError, match="'m:production' names v1 now"):
        three.promote("m:production", "v2", expected=v0)
    assert three.promote("m:production", "v2", expected=v1)


def test_an_alias_names_a_version_of_its_own_collection(three: Desk) -> None:
    other = three.log("n", "other")
    with pytest.raises(UsageError, match="'n:v0' is no version of 'm'"):
        aliases.move(three.registry, alias_name("m:production"), other)


def test_a_ref_that_was_moved_by_hand_still_names_its_version_and_is_adopted_by_the_next_move(three: Desk) -> None:
    three.sh(f"git update-ref {REF} m@v1^0")
    found = three.alias("m:production")
    assert found
    assert (found.by_hand, str(found.place and found.place.version)) == (True, "m:v1")
    assert three.version("m:production").name.label == "v1"
    assert three.moves("m:production") == []
    assert three.promote("m:production", "v2")
    assert three.moves("m:production") == ["production -> m@v2", "production -> m@v1"]
    assert (record(three, f"{REF}~1")["action"], record(three, f"{REF}~1")["seq"]) == ("adopt", 1)
    three.git(f"merge-base --is-ancestor m@v1^0 {REF}")
    agrees(three.path, "m:production")


def test_setting_an_alias_to_where_a_hand_put_it_makes_that_a_record(three: Desk) -> None:
    three.sh(f"git update-ref {REF} m@v1^0")
    assert three.promote("m:production", "v1")
    found = three.alias("m:production")
    assert found
    assert not found.by_hand
    agrees(three.path, "m:production")


def test_a_hands_move_over_a_published_chain_is_adopted_on_that_chain(ada: Desk) -> None:
    for content in ("zero", "one"):
        ada.log("m", content)
    ada.promote("m:production", "v0")
    ada.publish()
    ada.sh(f"git update-ref {REF} m@v1^0")
    assert ada.place("m:production") == "m:v1"
    report = ada.publish()
    assert [(refusal.name, "moved by hand" in refusal.why) for refusal in report.refused] == [("m:production", True)]
    ada.promote("m:production", "v0", reason="back")
    assert [record(ada, f"{REF}~{n}")["action"] for n in range(3)] == ["set", "adopt", "set"]
    agrees(ada.path, "m:production")
    assert ada.publish().refused == []
    assert ada.moves("m:production") == ["production -> m@v0", "production -> m@v1", "production -> m@v0"]


def test_a_ref_on_no_version_is_told_and_hides_nothing_else(three: Desk) -> None:
    three.promote("m:good", "v1")
    three.sh(f"git update-ref {REF} HEAD && git update-ref refs/gitreg/aliases/m@blob $(git rev-parse HEAD:README)")
    with pytest.raises(RecordError, match="which is no version of 'm'") as caught:
        three.alias("m:production")
    assert caught.value.hint
    assert REF in caught.value.hint
    with pytest.raises(RecordError, match="is a blob, expected a commit"):
        three.alias("m:blob")
    assert [str(alias.name) for alias in aliases.all_aliases(three.registry)] == ["m:good"]


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ("/^parent .*/d", "does not fit its commit"),
        ("0,/^parent/{/^parent/d}", "does not fit its commit"),
        ("s/alias: production/alias: other/", "does not fit its commit"),
        ("s/collection: m/collection: n/", "does not fit its commit"),
        ("s/seq: 2/seq: 5/", "is broken at commit"),
        ("/previous: /d", "is broken at commit"),
        ("s/schema: 1/schema: 9/", "schema 9"),
    ],
)
def test_a_record_that_does_not_fit_its_chain_is_refused(three: Desk, edit: str, why: str) -> None:
    three.promote("m:production", "v0")
    three.promote("m:production", "v1")
    three.sh(f"git update-ref {REF} $(git cat-file commit {REF} | sed '{edit}' | git hash-object -t commit -w --stdin)")
    with pytest.raises(RecordError, match=why):
        three.moves("m:production")


def test_a_removal_without_parents_is_refused(three: Desk) -> None:
    three.promote("m:production", "v0")
    three.promote("m:production", None)
    edit = "/^parent .*/d"
    three.sh(f"git update-ref {REF} $(git cat-file commit {REF} | sed '{edit}' | git hash-object -t commit -w --stdin)")
    with pytest.raises(RecordError, match="does not fit its commit"):
        three.moves("m:production")


def test_a_pending_move_is_what_this_clone_sees_until_it_is_published(ada: Desk) -> None:
    ada.log("m", "zero")
    ada.log("m", "one")
    ada.promote("m:production", "v0")
    ada.publish()
    found = ada.alias("m:production")
    assert found
    assert found.published
    assert ada.refs("refs/gitreg/aliases") == []
    ada.promote("m:production", "v1")
    found = ada.alias("m:production")
    assert found
    assert (found.published, str(found.place and found.place.version)) == (False, "m:v1")
    agrees(ada.path, "m:production")
    ada.publish()
    assert ada.git(f"log --first-parent --format=%s {FAR}").splitlines()[:2] == [
        "production -> m@v1",
        "production -> m@v0",
    ]


def test_a_link_that_was_made_twice_has_the_alias_that_names_it_and_the_other_has_none(three: Desk) -> None:
    zero, one = three.version("m:v0"), three.version("m:v1")
    first, other, again = (three.link(version, "model/M") for version in (zero, one, zero))
    assert first.commit == again.commit
    three.promote("model/M:production", "v2")
    three.promote("model/M:fallback", "v0")
    three.promote("model/M:both", "v1")
    three.promote("model/M:past", "v0")
    three.promote("model/M:past", None)
    found = [aliases.of_version(three.registry, version) for version in (first, other, again)]
    assert found == [["fallback"], ["both"], ["production"]]
    assert aliases.of_version(three.registry, zero) == []


def test_a_removed_alias_is_said_to_be_removed(three: Desk) -> None:
    three.promote("m:production", "v1")
    three.promote("m:production", None)
    with pytest.raises(NotFoundError, match="alias 'production' not found in 'm'") as caught:
        three.version("m:production")
    assert caught.value.hint == "it was removed, and named v1 before: gitreg alias log m:production"


@pytest.mark.parametrize(
    ("reference", "hint"),
    [
        ("m:prod", "did you mean 'production'?"),
        ("m:PRODUCTION", "did you mean 'production'?"),
        ("m:prodction", "did you mean 'production'?"),
        ("m:1", "did you mean 'm:v1'?"),
        ("m:champion", "did you mean 'model/M:champion'?"),
        ("m:xyz", "'m' has production, staging"),
        ("m:7", "'m' has production, staging"),
        ("model/M:production", "did you mean 'm:production'?"),
    ],
)
def test_an_alias_that_is_not_there_gets_the_likeliest_other_as_a_hint(three: Desk, reference: str, hint: str) -> None:
    three.link(three.version("m:v1"), "model/M")
    for name, version in (("m:production", "v1"), ("m:staging", "v0"), ("model/M:champion", "v0")):
        three.promote(name, version)
    with pytest.raises(NotFoundError) as caught:
        three.version(reference)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("reference", "hint"),
    [
        ("mnist_modle", "did you mean 'mnist_model'?"),
        ("MNIST_MODEL:production", "did you mean 'mnist_model:production'?"),
        ("mnist_modle:prodution", "did you mean 'mnist_model:production'?"),
        ("mnist_modle:v6", "did you mean 'mnist_model:v6'?"),
        ("mnist_modle:v7", "did you mean 'mnist_model'?"),
        ("mnist_modle:xyz", "did you mean 'mnist_model'?"),
        ("mnist_modle@{yesterday}", "did you mean 'mnist_model'?"),
        ("mnist_modle:prodution@{yesterday}", "did you mean 'mnist_model:production@{yesterday}'?"),
        ("mnist", "did you mean 'mnist_model'?"),
        ("models/Digits", "did you mean 'model/Digits'?"),
        ("dataset/Digits", "did you mean 'model/Digits'?"),
        ("Digits:production", "did you mean 'model/Digits'?"),
        ("model/Digts", "did you mean 'model/Digits'?"),
        ("zebra", "this repository has mnist_model, model/Digits"),
        ("mnist_model:v7", "'mnist_model' has v0 to v6"),
    ],
)
def test_a_name_that_is_not_there_gets_the_likeliest_other_as_a_hint(desk: Desk, reference: str, hint: str) -> None:
    made = [desk.log("mnist_model", str(number)) for number in range(7)]
    desk.link(made[-1], "model/Digits")
    desk.promote("mnist_model:production", "v0")
    with pytest.raises(NotFoundError) as caught:
        desk.version(reference)
    assert caught.value.hint == hint


def test_of_many_versions_with_gaps_the_newest_are_named(desk: Desk) -> None:
    for number in range(8):
        desk.log("m", str(number))
    desk.git("tag -d m@v3")
    with pytest.raises(NotFoundError) as caught:
        desk.version("m:v3")
    assert caught.value.hint == "'m' has ..., v2, v4, v5, v6, v7"
