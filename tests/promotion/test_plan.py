"""What a request would move, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from planning import Asking, hints, problems, shown

from conftest import Shell
from desks import Desk, World
from gitreg import templates
from gitreg.errors import Error
from gitreg.git.runner import Git
from gitreg.promotion import touched
from gitreg.promotion.plan import plan
from gitreg.records.objects import Oid
from gitreg.registry import cards, editing
from gitreg.registry.repository import Registry

GATED = "aliases: {production: {protected: true, gates: {accuracy: '>= 0.9'}}}\n"


@pytest.fixture
def asking(ada: Desk) -> Asking:
    return Asking(ada)


def test_a_line_that_lists_an_alias_asks_for_its_move(asking: Asking) -> None:
    found = asking("production: v1\n")
    assert shown(found.moves) == ["m:production nothing -> v1"]
    assert found.state == "pending"
    move = found.moves[0]
    assert not move.refused
    assert (move.path, move.entry and move.entry.line, move.tip) == (".gitreg/aliases/m.yaml", 1, None)


def test_nothing_is_to_move_where_no_file_is_and_where_all_agree(asking: Asking) -> None:
    assert asking.plan().state == "nothing"
    asking.direct("m:production", "v1")
    # whatever the request was written after: what it asks for is there
    assert asking("production: {version: v1, after: none}\n").state == "nothing"


def test_an_alias_that_was_moved_directly_and_is_in_no_file_is_left_alone(asking: Asking) -> None:
    asking.direct("m:staging", "v0")
    found = asking("production: v1\n")
    assert shown(found.moves) == ["m:production nothing -> v1"]
    assert not found.drift


def test_null_asks_for_the_removal(asking: Asking) -> None:
    asking.direct("m:production", "v1")
    assert shown(asking("production: null\n").moves) == ["m:production v1 -> nothing"]
    assert asking("canary: null\n").state == "nothing"


def test_a_line_that_goes_removes_what_apply_had_set_and_nothing_else(asking: Asking) -> None:
    asking.direct("m:staging", "v0")
    asking.merge("production: v1\nstaging: v0\n")
    asking.apply()
    found = asking(None)
    assert shown(found.moves) == ["m:production v1 -> nothing"]
    assert found.moves[0].entry is None


def test_a_revert_of_what_was_not_applied_yet_asks_for_nothing(asking: Asking) -> None:
    asking.merge("production: v1\n")
    found = asking(None)
    assert not found.moves


def test_only_what_is_published_counts(asking: Asking) -> None:
    asking.desk.promote("m:production", "v2")
    found = asking("production: v1\n")
    # the move that waits in this clone is nobody else's business
    assert shown(found.moves) == ["m:production nothing -> v1"]


def test_a_draft_cannot_be_asked_for(asking: Asking) -> None:
    asking.desk.log("m", "three")
    found = asking("production: v3\n")
    assert found.state == "refused"
    assert problems(found) == ["'m:v3' is not published"]
    assert hints(found) == ["gitreg push, where it is; another version may get the number"]


def test_a_request_written_for_a_draft_that_got_another_number_is_refused(asking: Asking, bob: Desk) -> None:
    draft = asking.desk.log("m", "mine")
    bob.fetch()
    bob.log("m", "theirs")
    bob.publish()
    asking.desk.fetch()
    asking.desk.publish()
    found = asking(f"production: {{version: v3, commit: '{str(draft.commit)[:12]}'}}\n")
    there = asking.desk.version("m:v3").commit
    wrote = str(draft.commit)[:12]
    assert problems(found) == [f"'m:v3' is commit {there.short}, and the request was written for {wrote}, which is v4"]
    assert hints(found) == ["gitreg promote m:production v4"]


def test_what_is_not_there_is_refused(asking: Asking) -> None:
    for collection, text, problem, hint in (
        ("m", "production: v9\n", "there is no 'm:v9'", "'m' has v0, v1, v2"),
        ("n", "production: v0\n", "there is no collection 'n'", "gitreg ls lists them"),
        ("mm", "production: v0\n", "there is no collection 'mm'", "did you mean 'm'?"),
        ("model/M", "production: v0\n", "there is no collection 'model/M'", "gitreg ls lists them"),
    ):
        found = asking(text, collection)
        assert found.state == "refused"
        assert (problems(found), hints(found)) == ([problem], [hint])
        asking.write(None, collection)


def test_a_version_of_another_collection_is_refused_by_its_commit(asking: Asking) -> None:
    other = asking.desk.log("other", "else")
    asking.desk.publish()
    found = asking(f"production: {{version: v0, commit: '{other.commit}'}}\n")
    mine = asking.desk.version("m:v0").commit
    assert problems(found) == [f"'m:v0' is commit {mine.short}, and the request was written for {other.commit}"]


def test_a_commit_that_is_another_versions_is_told_with_its_number(asking: Asking) -> None:
    commit = str(asking.desk.version("m:v1").commit)[:12]
    found = asking(f"production: {{version: v7, commit: '{commit}'}}\n")
    assert problems(found) == [f"'m:v7' is not on 'origin'; commit {commit} is v1 there"]


def test_a_deleted_version_is_refused(asking: Asking) -> None:
    editing.delete(asking.desk.registry, asking.desk.version("m:v1"), reason="wrong data")
    # as long as nobody else knows
    assert asking("production: v1\n").state == "pending"
    asking.desk.publish()
    found = asking("production: v1\n")
    assert problems(found) == ["'m:v1' is deleted"]
    assert cards.state(asking.desk.registry, found.moves[0].alias.collection).deleted


def test_an_alias_that_differs_by_case_only_is_refused(asking: Asking) -> None:
    asking.direct("m:Production", "v0")
    found = asking("production: v1\n")
    assert problems(found) == ["'m:production' differs from 'm:Production' only by case"]


def test_somebodys_own_tag_is_no_version(asking: Asking) -> None:
    asking.git("tag -a -m mine m@v5 HEAD")
    found = asking("production: v5\n")
    assert problems(found) == ["'m@v5' is no version of gitreg's"]


def test_a_request_that_was_written_before_the_alias_moved_is_stale(asking: Asking) -> None:
    asking.direct("m:production", "v0")
    tip = asking.tip().short
    for after, words in (("none", "it had no history then"), ("0123456789ab", f"it is at {tip}, not at 0123456789ab")):
        found = asking(f"production: {{version: v1, after: '{after}', reason: it is better}}\n")
        assert found.state == "refused"
        assert problems(found)[0].startswith("'m:production' has been moved since the request was written")
        assert problems(found)[0].endswith(words)
        wrote = "gitreg promote m:production v1 --reason 'it is better'"
        assert hints(found) == [f"look at 'gitreg alias log m:production', then: {wrote}"]


def test_a_request_that_fits_the_newest_move_is_not_stale(asking: Asking) -> None:
    asking.direct("m:production", "v0")
    tip = str(asking.tip())
    assert asking(f"production: {{version: v1, after: '{tip[:12]}'}}\n").state == "pending"
    asking.direct("m:production", "v2")
    assert asking(f"production: {{version: v1, after: '{tip[:12]}'}}\n").state == "refused"


def test_a_revert_of_what_was_merged_and_applied_is_not_stale(asking: Asking) -> None:
    asking.merge("production: {version: v0, after: none}\n")
    asking.apply()
    asking.merge(f"production: {{version: v1, after: '{str(asking.tip())[:12]}'}}\n")
    asking.apply()
    asking.git("revert --no-edit HEAD")
    assert shown(asking.plan().moves) == ["m:production v1 -> v0"]
    assert asking.plan().state == "pending"
    # of a request that began before, nobody knows whether its author saw that move
    asking.git("checkout --quiet -b earlier HEAD~2")
    asking.commit("production: {version: v2, after: none}\n")
    assert any("has been moved since the request was written" in line for line in problems(asking.plan("earlier")))
    # nor of a revert where somebody has moved the alias otherwise
    asking.git("checkout --quiet main")
    asking.direct("m:production", "v2")
    assert any("has been moved since the request was written" in line for line in problems(asking.plan()))


def test_an_alias_that_was_removed_has_a_history_to_come_after(asking: Asking) -> None:
    asking.direct("m:production", "v0")
    asking.direct("m:production", None)
    assert asking(f"production: {{version: v1, after: '{str(asking.tip())[:7]}'}}\n").state == "pending"
    assert asking("production: {version: v1, after: none}\n").state == "refused"


def test_an_alias_that_nobody_has_ever_set_comes_after_nothing(asking: Asking) -> None:
    assert asking("production: {version: v1, after: none}\n").state == "pending"
    found = asking("production: {version: v1, after: '0123456'}\n")
    assert problems(found) == ["the request was written after 0123456, and 'm:production' has no history"]


def test_a_request_is_merged_with_what_others_have_merged_since_it_began(asking: Asking) -> None:
    asking.merge("production: v0\nstaging: v0\n\n\ncanary: v0\n")
    asking.apply()
    asking.on_branch("request", "production: v1\nstaging: v0\n\n\ncanary: v0\n")
    asking.merge("production: v0\nstaging: v0\n\n\ncanary: v2\n")
    asking.apply()
    # what it does not mention anew stays as it is
    assert shown(asking.plan("request").moves) == ["m:production v0 -> v1"]


def test_two_requests_for_one_alias_contradict_each_other(asking: Asking) -> None:
    asking.merge("production: v0\n")
    asking.apply()
    asking.on_branch("request", "production: v1\n")
    asking.merge("production: v2\n")
    asking.apply()
    found = asking.plan("request")
    assert shown(found.moves) == ["m:production v2 -> v1"]
    assert problems(found) == ["'m:production' has been changed to v2 since this request began"]


def test_what_the_base_wants_already_is_drift_and_no_move_of_the_request(asking: Asking) -> None:
    asking.merge("production: v0\n")
    asking.on_branch("request", "production: v0\nstaging: v1\n")
    found = asking.plan("request")
    assert shown(found.moves) == ["m:staging nothing -> v1"]
    assert shown(found.drift) == ["m:production nothing -> v0"]
    # a plan of what is merged has nothing to ask for
    assert asking.plan("main").state == "nothing"


def test_without_a_common_history_the_plan_says_so(asking: Asking) -> None:
    asking.git("checkout --quiet --orphan other")
    asking.commit("production: v1\n")
    found = asking.plan("other")
    assert shown(found.moves) == ["m:production nothing -> v1"]
    assert "not known here" in found.notes[0]


def test_a_file_that_cannot_be_read_moves_nothing_of_its_collection(asking: Asking) -> None:
    asking.desk.log("n", "zero")
    asking.desk.publish()
    asking.merge("production: v1\n")
    asking.merge("production: v0\n", "n")
    asking.apply()
    asking.write("production: latest\n")
    found = asking("production: null\n", "n")
    assert found.state == "broken"
    assert [(error.path, error.line) for error in found.broken] == [(".gitreg/aliases/m.yaml", 1)]
    # m:production would otherwise be taken for one that no file lists
    assert shown(found.moves) == ["n:production v0 -> nothing"]
    assert not found.drift


def test_where_nobody_knows_what_is_wanted_nothing_moves(asking: Asking) -> None:
    asking.merge("production: v1\n")
    asking.apply()
    (asking.desk.path / ".gitreg" / "aliases" / "m.yml").write_text("production: v0\n")
    found = asking("production: v0\n")
    assert found.state == "broken"
    assert not found.moves


def test_a_file_that_the_base_has_mended_meanwhile_is_not_held_against_the_request(asking: Asking) -> None:
    asking.merge("production: latest\n")
    asking.on_branch("request", "production: v0\n", "other")
    asking.merge("production: v1\n")
    assert not asking.plan("request").broken
    asking.merge("production: latest\n")
    assert asking.plan("request").state == "broken"


@pytest.mark.parametrize("text", [None, "staging: v0\n"])
def test_what_a_request_that_mends_a_file_does_not_list_is_its_own_move(asking: Asking, text: str | None) -> None:
    asking.merge("production: v1\nstaging: v0\n")
    asking.apply()
    asking.merge("production: v1\nstaging: latest\n")
    asking.on_branch("request", text)
    found = asking.plan("request")
    assert found.state == "pending"
    assert shown(found.moves) == ["m:production v1 -> nothing", "m:staging v0 -> nothing"][: 1 if text else 2]
    assert not found.drift


def test_the_policy_is_the_base_s_and_a_request_that_changes_it_says_so(asking: Asking) -> None:
    base = asking.policy(GATED)
    asking.on_branch("request", "production: v1\n")
    found = asking.plan("request")
    assert found.moves[0].protected
    assert [verdict.finding for verdict in found.moves[0].verdicts] == ["refused"]
    assert found.state == "refused"
    (asking.desk.path / ".gitreg" / "policy.yaml").write_text("aliases: {}\n")
    found = asking("production: v1\n")
    assert found.state == "refused"
    judged = f"this request is judged by the policy of {base.short}, and the new one counts from the merge on"
    assert found.notes == (f"'.gitreg/policy.yaml' changes; {judged}",)
    asking.desk.sh("rm .gitreg/policy.yaml")
    assert asking.plan().notes == found.notes


def test_a_policy_that_cannot_be_read_is_told_whoever_has_written_it(asking: Asking) -> None:
    asking.write("production: v1\n")
    (asking.desk.path / ".gitreg" / "policy.yaml").write_text("aliases: {production: {protect: true}}\n")
    found = asking.plan()
    assert found.state == "broken"
    assert [(error.path, error.line) for error in found.broken] == [(".gitreg/policy.yaml", 1)]
    asking.policy("aliases: {production: {protect: true}}\n")
    # once, though both have it
    assert len(asking.plan().broken) == 1
    # a link may lead to what is not theirs
    asking.desk.sh("mv .gitreg ../elsewhere && ln -s ../elsewhere .gitreg")
    assert [error.message for error in asking.plan().broken][1:] == [
        "'.gitreg/policy.yaml': this is no regular file",
        "'.gitreg': it is a link, where a folder is expected",
    ]


def test_who_reviews_and_what_ci_runs_is_named_when_a_request_changes_it(asking: Asking) -> None:
    asking.desk.sh("git checkout --quiet -b request && mkdir -p .github/workflows && echo x >.github/workflows/a.yml")
    asking.desk.sh("echo '* @eve' >CODEOWNERS && git add . && git commit --quiet -m 'make it easier'")
    assert asking.plan("request").notes == (
        "'CODEOWNERS', '.github/workflows' change, so how requests are checked changes too",
    )


def test_what_ci_init_writes_to_be_run_is_told_of_when_it_changes() -> None:
    folder = templates.find("ci")
    programs = [file for file in folder.rglob("*") if file.suffix in (".yml", ".sh")]
    written = [Path(*file.relative_to(folder).parts[1:]) for file in programs]
    told = {Path(path) for path in touched.REVIEW}
    assert written
    assert [str(path) for path in written if not told & {path, *path.parents}] == []


def test_a_damaged_record_refuses_its_alias_and_hides_no_other(asking: Asking) -> None:
    asking.direct("m:production", "v0")
    asking.git(f"update-ref refs/gitreg-remotes/origin/aliases/m@staging {asking.git('rev-parse HEAD')}")
    found = asking("production: v1\nstaging: v1\n")
    assert shown(found.moves) == ["m:production v0 -> v1", "m:staging nothing -> v1"] or len(found.moves) == 2
    assert [move.refused for move in found.moves] == [False, True]
    assert "points at commit" in problems(found)[0]


def test_a_damaged_card_refuses_what_asks_for_its_versions_and_hides_no_other(asking: Asking) -> None:
    asking.desk.log("other", "zero")
    asking.desk.publish()
    asking.write("production: v0\n", "other")
    tree = asking.git("rev-parse HEAD^{tree}")
    # one cannot see whether the version is deleted
    asking.git(f"update-ref refs/gitreg-remotes/origin/collections/m@card {tree}")
    found = asking("production: v1\n")
    assert [(str(move.alias), move.refused) for move in found.moves] == [
        ("m:production", True),
        ("other:production", False),
    ]
    assert problems(found) == [f"the card of 'm': object {tree} is a tree, expected a commit"]


def test_an_alias_that_was_moved_by_hand_is_where_the_hand_has_put_it(asking: Asking) -> None:
    commit = asking.desk.version("m:v1").commit
    asking.git(f"update-ref refs/gitreg-remotes/origin/aliases/m@production {commit}")
    assert asking("production: v1\n").state == "nothing"
    found = asking("production: v2\n")
    assert shown(found.moves) == ["m:production v1 -> v2"]
    assert found.moves[0].tip == commit


def test_a_link_is_asked_for_by_its_own_number(asking: Asking) -> None:
    asking.desk.link(asking.desk.version("m:v2"), "model/M")
    asking.desk.publish()
    assert shown(asking("production: v0\n", "model/M").moves) == ["model/M:production nothing -> v0"]


def test_what_differs_is_there_for_who_shows_it(asking: Asking) -> None:
    asking.direct("m:production", "v0")
    asking.write("production: v1\n")
    assert asking.plan().moves[0].comparison is None
    found = plan(asking.desk.registry, asking.desk.oid("main"), None, compare=True).moves[0].comparison
    assert found
    assert (found.old.name, found.new.name) == ("m:v0", "m:v1")


def test_without_the_registrys_refs_a_clone_says_how_to_get_them(asking: Asking, world: World, sh: Shell) -> None:
    asking.merge("production: v1\n")
    sh(f"git clone --quiet file://{world.server} fresh", cwd=world.server.parent)
    with Registry.opened(world.server.parent / "fresh") as fresh:
        head = Oid.parse(fresh.git.text("rev-parse", "HEAD"))
        with pytest.raises(Error, match="aliases are not known here") as caught:
            plan(fresh, head, head)
        assert str(caught.value.hint).startswith("gitreg fetch; or git fetch origin '+refs/gitreg/*:")
        fresh.git.run("fetch", "--quiet", "origin", "+refs/gitreg/*:refs/gitreg-remotes/origin/*")
        assert shown(plan(fresh, head, head).drift) == ["m:production nothing -> v1"]


def test_a_repository_without_a_remote_has_nothing_to_plan(desk: Desk) -> None:
    with pytest.raises(Error, match="there is no remote 'origin'"):
        plan(desk.registry, None, None)


def test_a_server_plans_what_its_own_branch_says(asking: Asking, world: World) -> None:
    head = asking.merge("production: v1\n")
    with Registry.opened(world.server) as server:
        assert shown(plan(server, head, head).drift) == ["m:production nothing -> v1"]


def test_planning_changes_nothing_and_a_read_only_repository_can_be_planned(asking: Asking) -> None:
    asking.write("production: v1\n")
    git = asking.desk.path / ".git"
    refs = asking.git("for-each-ref")
    private = git / "gitreg"
    private.chmod(0o500)
    try:
        assert asking.plan().state == "pending"
    finally:
        private.chmod(0o700)
    assert asking.git("for-each-ref") == refs


def test_many_moves_take_no_more_git_processes_for_each(asking: Asking) -> None:
    """What a move costs is reading; a process for each would be the most of it."""
    for number in range(12):
        asking.desk.link(asking.desk.version("m:v0"), f"model/M{number}")
    asking.desk.publish()
    assert _commands(asking, 12) == _commands(asking, 2)


@pytest.mark.parametrize("version", ["v7", "{version: v0, commit: '0123456'}"])
@pytest.mark.parametrize("collection", ["m", "unknown"])
def test_many_requests_for_what_is_not_there_ask_git_once(asking: Asking, collection: str, version: str) -> None:
    """A stranger's file of a megabyte is read; a process for each of its lines would take minutes."""
    taken = []
    for count in (2, 12):
        asking.write("".join(f"a{number}: {version}\n" for number in range(count)), collection)
        taken.append(_counted(asking, count))
    assert taken[0] == taken[1]


def _commands(asking: Asking, count: int) -> int:
    """How many git commands a plan takes that moves so many aliases."""
    for number in range(12):
        asking.write("production: v0\n" if number < count else "", f"model/M{number}")
    return _counted(asking, count)


def _counted(asking: Asking, count: int) -> int:
    """How many git commands the plan of the working tree takes, which has so many moves."""
    seen: list[str] = []
    registry = Registry(Git.discover(asking.desk.path, trace=lambda arguments, _: seen.append(arguments[0])))
    assert len(plan(registry, asking.desk.oid("main"), None).moves) == count
    registry.close()
    return len(seen)
