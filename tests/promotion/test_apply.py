"""Aliases become what the default branch says: in its order, as far as they may, and again and again the same."""

from __future__ import annotations

import json

import pytest
from applying import Team, problems, shown
from measuring import Lab

from desks import Desk, World, alias_name
from gitreg.errors import RefusedError
from gitreg.git.objects import MissingObjectError
from gitreg.git.runner import Git
from gitreg.promotion.apply import apply
from gitreg.records.behind import By, Evidence, Merged, Person
from gitreg.records.objects import Oid
from gitreg.records.records import AliasRecord
from gitreg.registry import aliases
from gitreg.registry.repository import Registry


@pytest.fixture
def team(ada: Desk) -> Team:
    return Team(ada)


def newest(desk: Desk, reference: str = "m:production") -> AliasRecord:
    return aliases.history(desk.reopen(), alias_name(reference))[0].record


def test_what_the_branch_says_is_done_and_done_once(team: Team) -> None:
    asked = team.merge("production: v1\nstaging: {version: v0, reason: to be tried}\n")
    found = team.apply()
    assert shown(found) == ["m:production nothing -> v1", "m:staging nothing -> v0"]
    assert found.head == asked
    assert (team.history(), team.history("m:staging")) == ([f"v1 {asked.short}"], [f"v0 {asked.short}"])
    assert newest(team.desk, "m:staging").reason == "to be tried"
    assert newest(team.desk).reason == "ask for a move"
    tip = team.tip()
    assert shown(team.apply()) == []
    assert team.tip() == tip


def test_another_clone_sees_it_as_soon_as_it_is_done(team: Team, bob: Desk) -> None:
    team.merge("production: v1\n")
    team.apply()
    bob.fetch()
    assert bob.place("m:production") == "m:v1"
    assert bob.git("log --first-parent --format=%s refs/gitreg-remotes/origin/aliases/m@production").splitlines() == [
        "production -> m@v1",
        "alias m@production",
    ]
    assert bob.git("rev-parse refs/gitreg-remotes/origin/aliases/m@production^2") == bob.git("rev-parse m@v1^{commit}")


def test_every_merge_since_is_a_move_in_the_order_of_the_branch(team: Team) -> None:
    asked = [team.merge(f"production: {version}\n") for version in ("v1", "v2", "v0")]
    assert shown(team.apply()) == ["m:production nothing -> v1 -> v2 -> v0"]
    assert team.history() == [
        f"{version} {commit.short}" for version, commit in zip(("v1", "v2", "v0"), asked, strict=True)
    ]


def test_only_what_the_branch_itself_became_is_a_move(team: Team) -> None:
    team.merge("production: v0\n")
    team.apply()
    team.desk.sh("git checkout --quiet -b request")
    team.commit("production: v1\n")
    team.commit("production: v2\n")
    team.desk.sh("git checkout --quiet main && git merge --quiet --no-ff -m 'Merge the request' request")
    team.desk.sh("git push --quiet origin main")
    assert shown(team.apply()) == ["m:production v0 -> v2"]
    assert team.history()[1:] == [f"v2 {team.desk.oid('main').short}"]


def request(team: Team, text: str, who: str) -> None:
    """A branch 'request' by somebody, which asks for this."""
    team.desk.sh("git checkout --quiet -b request main")
    team.write(text)
    team.desk.sh(f"git add .gitreg && git commit --quiet --author '{who} <{who}@example.org>' -m 'promote it'")
    team.desk.sh("git checkout --quiet main && git commit --quiet --allow-empty -m meanwhile")


@pytest.mark.parametrize(
    "merge",
    [
        "git merge --quiet --no-ff -m 'Merge #1' request",
        "git merge --squash --quiet request && git commit --quiet --author 'carl <carl@example.org>' -m 'promote it'",
        "git rebase --quiet main request && git checkout --quiet main && git merge --quiet --ff-only request",
    ],
    ids=["merge", "squash", "rebase"],
)
def test_who_asked_and_who_merged_is_recorded_as_declared(team: Team, merge: str) -> None:
    request(team, "production: v1\n", "carl")
    team.desk.sh(f"{merge} >/dev/null && git push --quiet origin main")
    team.apply()
    record = newest(team.desk)
    assert record.reason == "promote it"
    assert record.by == By(
        asked=Person("carl <carl@example.org>"),
        merged=Merged(team.desk.oid("main"), "Ada Example <test@example.org>"),
    )


def test_what_a_host_has_told_of_a_commit_goes_before_what_the_commit_says(team: Team) -> None:
    asked, other = team.merge("production: v1\n"), team.merge("production: v2\n")
    bob = Person("bob", "verified", "2026-01-02T03:04:05Z")
    told = By(Person("carl", "verified"), (bob,), Merged(other, "ada", "verified"))
    team.apply(told={asked: told})
    first, second = aliases.history(team.desk.reopen(), alias_name("m:production"))[::-1]
    assert first.record.by == By(told.asked, told.approved, Merged(asked, "ada", "verified"))
    assert second.record.by.asked == Person("Ada Example <test@example.org>")


def test_a_revert_is_a_rollback(team: Team) -> None:
    team.merge("production: v0\n")
    team.merge("production: v1\n", message="promote v1")
    team.apply()
    team.desk.sh("git revert --no-edit HEAD >/dev/null && git push --quiet origin main")
    assert shown(team.apply()) == ["m:production v1 -> v0"]
    assert newest(team.desk).reason == 'Revert "promote v1"'
    team.desk.sh("git revert --no-edit HEAD~2 >/dev/null && git push --quiet origin main")
    assert shown(team.apply()) == ["m:production v0 -> nothing"]
    assert shown(team.apply()) == []


def test_an_alias_that_was_never_listed_is_nobodys_business(team: Team) -> None:
    team.direct("m:canary", "v2")
    team.merge("production: v1\n")
    assert shown(team.apply()) == ["m:production nothing -> v1"]
    assert team.history("m:canary") == ["v2 -"]


def test_an_alias_is_removed_when_a_file_says_null_or_is_gone(team: Team) -> None:
    team.merge("production: v1\nstaging: v1\n")
    team.apply()
    team.merge("production: null\nstaging: v1\n")
    assert shown(team.apply()) == ["m:production v1 -> nothing"]
    team.merge(None)
    assert shown(team.apply()) == ["m:staging v1 -> nothing"]
    assert shown(team.apply()) == []


def test_one_that_was_moved_otherwise_before_it_is_no_longer_listed_is_left_alone(team: Team) -> None:
    team.merge("production: v1\n")
    team.apply()
    team.direct("m:production", "v2")
    team.merge(None)
    assert shown(team.apply()) == []
    assert team.desk.place("m:production") == "m:v2"


def test_what_was_moved_past_the_branch_is_moved_back(team: Team) -> None:
    asked = team.merge("production: {version: v1, after: none}\n")
    team.apply()
    other = team.merge("# a word\nproduction: {version: v1, after: none}\n", message="explain it")
    team.direct("m:production", "v2")
    assert shown(team.apply()) == ["m:production v2 -> v1"]
    assert team.history() == [f"v1 {asked.short}", "v2 -", f"v1 {other.short}"]
    assert newest(team.desk).reason == "it had been moved past the default branch"
    assert shown(team.apply()) == []
    team.direct("m:production", None)
    assert shown(team.apply()) == ["m:production nothing -> v1"]


def test_moving_back_asks_no_gate_again(team: Team) -> None:
    team.merge("production: v1\n")
    team.apply()
    team.policy('aliases: {production: {gates: {accuracy: ">= 0.97"}}}\n')
    team.direct("m:production", "v2")
    assert shown(team.apply()) == ["m:production v2 -> v1"]


def test_a_request_that_was_reverted_is_no_reason_to_stay_where_somebody_else_put_it(team: Team) -> None:
    team.merge("production: {version: v1, after: none}\n")
    team.apply()
    tip = team.tip()
    team.direct("m:production", "v0")
    team.merge(f"production: {{version: v2, after: {tip.short}}}\n")
    assert problems(team.apply()) == [
        f"'m:production' has been moved since the request was written: it is at {team.tip().short}, not at {tip.short}"
    ]
    team.desk.sh("git revert --no-edit HEAD >/dev/null && git push --quiet origin main")
    assert shown(team.apply()) == ["m:production v0 -> v1"]


class TestAfter:
    """A request that says what it was written after."""

    def test_is_done_when_that_is_the_tip(self, team: Team) -> None:
        team.direct("m:production", "v0")
        team.merge(f"production: {{version: v1, after: {team.tip().short}}}\n")
        assert shown(team.apply()) == ["m:production v0 -> v1"]

    def test_is_done_when_only_the_branch_has_moved_it_since(self, team: Team) -> None:
        team.direct("m:production", "v0")
        after = team.tip().short
        team.merge(f"production: {{version: v1, after: {after}}}\n")
        team.merge(f"production: {{version: v2, after: {after}}}\n")
        assert shown(team.apply()) == ["m:production v0 -> v1 -> v2"]
        team.merge(f"production: {{version: v0, after: {after}}}\n")
        assert shown(team.apply()) == ["m:production v2 -> v0"]

    def test_is_refused_when_somebody_else_has(self, team: Team) -> None:
        team.direct("m:production", "v0")
        after = team.tip().short
        team.direct("m:production", "v2")
        team.merge(f"production: {{version: v1, after: {after}}}\nstaging: v1\n")
        found = team.apply()
        assert shown(found) == ["m:staging nothing -> v1"]
        assert problems(found) == [
            f"'m:production' has been moved since the request was written: it is at {team.tip().short}, not at {after}"
        ]
        assert found.refused[0].move.problems[0].hint.endswith("then: gitreg promote m:production v1")
        assert team.history() == ["v0 -", "v2 -"]

    def test_is_refused_when_the_alias_had_no_history_then(self, team: Team) -> None:
        team.direct("m:production", "v2")
        team.merge("production: {version: v1, after: none}\n")
        assert "it had no history then" in problems(team.apply())[0]

    def test_is_done_when_it_had_none_and_only_the_branch_has_moved_it_since(self, team: Team) -> None:
        team.merge("production: {version: v1, after: none}\n")
        team.merge("production: {version: v2, after: none}\n")
        assert shown(team.apply()) == ["m:production nothing -> v1 -> v2"]

    def test_matters_to_nobody_when_the_alias_is_there_already(self, team: Team) -> None:
        team.direct("m:production", "v1")
        team.merge("production: {version: v1, after: 0123456789ab}\n")
        found = team.apply()
        assert (shown(found), found.refused) == ([], ())


def test_a_version_that_is_not_published_is_refused_until_it_is(team: Team) -> None:
    team.desk.log("m", "three")
    team.merge("production: v3\nstaging: v1\n")
    found = team.apply()
    assert (shown(found), problems(found)) == (["m:staging nothing -> v1"], ["'m:v3' is not published"])
    assert problems(team.apply()) == problems(found)
    team.desk.publish()
    assert shown(team.apply()) == ["m:production nothing -> v3"]


def test_what_is_refused_waits_for_the_request_after_it(team: Team) -> None:
    team.merge("production: v9\n")
    assert problems(team.apply()) == ["there is no 'm:v9'"]
    mended = team.merge("production: v1\n")
    found = team.apply()
    assert (shown(found), found.refused) == (["m:production nothing -> v1"], ())
    assert team.history() == [f"v1 {mended.short}"]


def test_a_gate_is_asked_again_and_its_numbers_are_kept(ada: Desk) -> None:
    lab = Lab(ada)
    for number, accuracy in enumerate((0.9, 0.98, 0.95)):
        lab.train({"accuracy": accuracy}, name=f"train-{number}")
    team = Team(ada)
    team.policy('aliases: {production: {protected: true, gates: {accuracy: [">= 0.97", no_regression]}}}\n')
    team.merge("production: v0\nstaging: v0\n")
    found = team.apply()
    assert shown(found) == ["m:staging nothing -> v0"]
    refused = [verdict for verdict in found.refused[0].move.verdicts if verdict.finding == "refused"]
    assert [(verdict.gate, verdict.seen and verdict.seen.value) for verdict in refused] == [("accuracy >= 0.97", 0.9)]
    team.merge("production: v1\n")
    assert shown(team.apply())[0] == "m:production nothing -> v1"
    run = ada.details("m:v1").run.id
    tip = ada.oid(f"refs/gitreg-remotes/origin/runs/{run[:2]}/{run}")
    assert Evidence("accuracy >= 0.97", "accuracy", 0.98, run, tip) in newest(ada).evidence


def test_a_move_past_review_does_not_make_the_next_request_a_rollback(ada: Desk) -> None:
    lab = Lab(ada)
    for number, accuracy in enumerate((0.98, 0.9)):
        lab.train({"accuracy": accuracy}, name=f"train-{number}")
    team = Team(ada)
    team.policy("aliases: {production: {protected: true, gates: {accuracy: no_regression}}}\n")
    team.merge("production: v0\n")
    team.apply()
    team.forge("m:production", "v1")
    assert shown(team.apply()) == ["m:production v1 -> v0"]
    team.merge("production: v1\n")
    found = team.apply()
    assert (shown(found), [verdict.finding for verdict in found.refused[0].move.verdicts]) == ([], ["refused"])


def test_the_policy_that_counts_is_the_one_before_the_request(team: Team) -> None:
    team.policy('aliases: {production: {gates: {accuracy: ">= 0.97"}}}\n')
    (team.desk.path / ".gitreg" / "policy.yaml").write_text("aliases: {}\n")
    team.merge("production: v1\n")
    found = team.apply()
    assert shown(found) == []
    assert [verdict.gate for verdict in found.refused[0].move.verdicts] == ["accuracy >= 0.97"]


def test_a_request_that_is_rebased_is_judged_by_what_was_there_before_the_push(team: Team) -> None:
    before = team.policy('aliases: {production: {gates: {accuracy: ">= 0.97"}}}\n')
    team.policy("aliases: {}\n")
    asked = team.merge("production: v1\n")
    assert shown(team.apply(base=before)) == []
    # what was pushed before that is judged as ever
    assert shown(team.apply(base=asked)) == ["m:production nothing -> v1"]


def test_a_job_that_was_killed_after_its_push_is_told_again_what_it_moved(team: Team) -> None:
    before = team.desk.oid("HEAD")
    team.merge("production: v0\n")
    middle = team.merge("production: v1\n")
    newest = team.merge("production: v1\nstaging: v2\n")
    team.apply(base=before)
    assert shown(team.apply()) == []
    assert shown(team.apply(base=before)) == ["m:production nothing -> v0 -> v1", "m:staging nothing -> v2"]
    assert shown(team.apply(base=middle)) == ["m:staging nothing -> v2"]
    assert shown(team.apply(middle, base=before)) == ["m:production nothing -> v0 -> v1"]
    team.direct("m:staging", "v0")
    again = team.apply(base=newest)
    assert (list(map(str, again.moved)), again.earlier) == (["m:staging"], {})


def test_a_policy_that_cannot_be_read_lets_nothing_pass(team: Team) -> None:
    team.policy("aliases: {production: {protectd: true}}\n")
    team.merge("production: v1\n")
    found = team.apply()
    assert shown(found) == []
    assert "the policy that counts cannot be read: '.gitreg/policy.yaml', line 1" in problems(found)[0]


def test_a_file_that_cannot_be_read_leaves_its_aliases_and_no_others(team: Team) -> None:
    team.desk.log("n", "zero")
    team.desk.publish()
    team.merge("production: v1\n")
    team.apply()
    team.merge("production: v2\n  staging: [\n")
    team.merge("production: v0\n", collection="n")
    found = team.apply()
    assert shown(found) == ["n:production nothing -> v0"]
    assert [(error.path, error.line) for error in found.broken] == [(".gitreg/aliases/m.yaml", 2)]
    team.merge("production: v2\n")
    assert shown(team.apply()) == ["m:production v1 -> v2"]


def test_a_link_in_place_of_all_files_moves_nothing(team: Team) -> None:
    team.merge("production: v1\n")
    team.apply()
    team.desk.sh("git rm --quiet -r .gitreg/aliases && mkdir .gitreg && ln -s /tmp .gitreg/aliases && git add .gitreg")
    team.desk.sh("git commit --quiet -m odd && git push --quiet origin main")
    found = team.apply()
    assert (shown(found), len(found.broken)) == ([], 1)
    assert team.desk.place("m:production") == "m:v1"


def test_an_earlier_commit_takes_nothing_back(team: Team) -> None:
    first = team.merge("production: v1\nstaging: v1\n")
    team.merge("production: v2\n")
    assert shown(team.apply(first)) == ["m:production nothing -> v1", "m:staging nothing -> v1"]
    assert shown(team.apply()) == ["m:production v1 -> v2", "m:staging v1 -> nothing"]
    assert shown(team.apply(first)) == []
    assert team.desk.place("m:production") == "m:v2"


def test_what_is_not_merged_is_not_applied(team: Team) -> None:
    team.merge("production: v1\n")
    team.desk.sh("git checkout --quiet -b request")
    other = team.commit("production: v2\n")
    with pytest.raises(RefusedError, match=f"commit {other.short} is not on the default branch"):
        team.apply(other)
    assert team.desk.alias("m:production") is None


def test_a_protected_alias_is_moved_by_nothing_else(team: Team) -> None:
    team.policy("aliases: {production: {protected: true}}\n")
    team.desk.sh("git fetch --quiet origin && git remote set-head origin --auto >/dev/null")
    with pytest.raises(RefusedError):
        team.desk.promote("m:production", "v1")
    team.merge("production: v1\n")
    assert shown(team.apply()) == ["m:production nothing -> v1"]


def test_a_dry_run_moves_nothing(team: Team) -> None:
    team.merge("production: v1\n")
    assert shown(team.apply(dry_run=True)) == ["m:production nothing -> v1"]
    assert team.desk.git("ls-remote origin refs/gitreg/aliases/*") == ""


def test_what_waits_in_this_clone_is_neither_published_nor_in_the_way(team: Team) -> None:
    team.desk.promote("m:production", "v2", "not published")
    team.merge("production: v1\n")
    assert shown(team.apply()) == ["m:production nothing -> v1"]
    assert team.history() == [f"v1 {team.desk.oid('main').short}"]
    assert [refusal.lost_race for refusal in team.desk.publish().refused] == [True]


def test_a_server_without_a_remote_applies_what_its_own_head_says(team: Team, world: World) -> None:
    asked = team.merge("production: v1\n")
    team.merge("production: v2\n")
    registry = Registry(Git.discover(world.server))
    try:
        found = apply(registry)
        assert shown(found) == ["m:production nothing -> v1 -> v2"]
        assert shown(apply(registry)) == []
    finally:
        registry.close()
    team.desk.fetch()
    assert team.history()[0] == f"v1 {asked.short}"


def test_a_ref_that_a_hand_has_moved_is_adopted_first(team: Team, world: World) -> None:
    for version in ("v1", "v2"):
        team.merge(f"production: {version}\n")
    team.apply()
    world.on_server(f"git update-ref refs/gitreg/aliases/m@production {team.desk.version('m:v0').commit}")
    asked = team.merge("production: v1\n")
    assert shown(team.apply()) == ["m:production v0 -> v1"]
    assert team.history() == ["v0 -", f"v1 {asked.short}"]


def test_a_chain_that_is_damaged_is_refused_and_stops_no_other(team: Team, world: World) -> None:
    world.on_server(f"git update-ref refs/gitreg/aliases/m@production {team.desk.oid('HEAD')}")
    team.merge("production: v1\nstaging: v1\n")
    found = team.apply()
    assert shown(found) == ["m:staging nothing -> v1"]
    assert "points at commit" in problems(found)[0]


def test_a_history_that_is_cut_off_is_asked_for(team: Team, world: World) -> None:
    team.merge("production: v1\n")
    team.merge("production: v2\n")
    shallow = world.clone("shallow", "--depth 1")
    with pytest.raises(MissingObjectError) as caught:
        apply(shallow.reopen())
    assert caught.value.hint == "the default branch is not all here: git fetch --unshallow"
    shallow.sh("git fetch --quiet --unshallow")
    assert shown(apply(shallow.reopen())) == ["m:production nothing -> v1 -> v2"]


def test_what_the_server_declines_stops_no_other(team: Team, world: World) -> None:
    team.merge("production: v1\nstaging: v1\n")
    world.hook("update", 'case $1 in *@production) echo "not on a Friday" >&2; exit 1;; esac')
    found = team.apply()
    assert shown(found) == ["m:staging nothing -> v1"]
    assert problems(found)[0].startswith("the remote refused it: [remote rejected] (hook declined): not on a Friday")
    world.hook("update", "exit 0")
    assert shown(team.apply()) == ["m:production nothing -> v1"]


def test_all_aliases_are_moved_in_one_push(team: Team, world: World) -> None:
    world.hook("post-receive", "wc -l >>pushes")
    team.merge("".join(f"a{number}: v1\n" for number in range(9)))
    (world.server / "pushes").unlink()
    assert len(team.apply().moved) == 9
    assert (world.server / "pushes").read_text().split() == ["9"]


class TestOnTheCommandLine:
    """`gitreg apply`."""

    def run(self, team: Team, words: str = "", code: int = 0) -> str:
        return team.desk.sh(f"status=0; gitreg apply {words} 2>&1 || status=$?; test $status = {code}")

    def test_says_what_moved(self, team: Team) -> None:
        head = team.merge("production: v1\n")
        team.merge("production: v2\nstaging: v0\n")
        assert self.run(team, "--dry-run").splitlines() == [
            "m:production: nothing -> v1 -> v2 (not moved: --dry-run)",
            "m:staging: nothing -> v0 (not moved: --dry-run)",
        ]
        assert self.run(team, f"--head {head}") == "m:production: nothing -> v1\n"
        assert self.run(team) == "m:production: v1 -> v2\nm:staging: nothing -> v0\n"
        there = team.desk.oid("main").short
        assert self.run(team, f"--base {'0' * 40}") == f"every alias is what the default branch says, at {there}\n"

    def test_says_what_did_not_and_why(self, team: Team) -> None:
        asked = team.merge("production: v9\n")
        assert self.run(team, code=4).splitlines() == [
            f"warning: refused: m:production -> v9, as {asked.short} asks",
            "  there is no 'm:v9'",
            "  hint: 'm' has v0, v1, v2",
        ]
        team.merge("production: v1: v2\n")
        assert self.run(team, code=1).startswith(
            "warning: its aliases stay as they are: '.gitreg/aliases/m.yaml', line 1: bad YAML"
        )

    def test_gives_a_deploy_job_each_alias_once(self, team: Team) -> None:
        team.merge("production: v1\n")
        team.merge("production: v2\nstaging: v9\n")
        document = json.loads(self.run(team, "--json", code=4))
        (moved,) = document["moved"]
        tip, head = str(team.tip()), str(team.desk.oid("main"))
        told = [moved[key] for key in ("collection", "alias", "previous", "version")]
        assert told == ["m", "production", None, "v2"]
        assert (moved["promotion"], moved["merged"]) == (tip, head)
        assert moved["commit"] == str(team.desk.version("m:v2").commit)
        assert [step["version"] for step in moved["moves"]] == ["v1", "v2"]
        assert [(item["alias"], item["version"], item["why"][0]["message"]) for item in document["refused"]] == [
            ("staging", "v9", "there is no 'm:v9'")
        ]

    def test_takes_what_the_host_says_of_people(self, team: Team) -> None:
        asked = team.merge("production: v1\n")
        by = By(Person("carl", "verified"), (Person("bob", "verified"),), Merged(asked, "ada", "verified"))
        commits = {str(asked): {"request": 7, "page": "", "head": str(asked), "by": by.document()}, "0" * 40: None}
        (team.desk.path / "told.json").write_text(json.dumps({"schema": "gitreg/ci-approvals/1", "commits": commits}))
        self.run(team, "--approvals told.json")
        assert newest(team.desk).by == by

    @pytest.mark.parametrize("text", ["", "[]", '{"schema": "gitreg/plan/1", "commits": {}}', '{"commits": {"x": {}}}'])
    def test_refuses_what_no_host_has_told(self, team: Team, text: str) -> None:
        team.merge("production: v1\n")
        (team.desk.path / "told.json").write_text(text)
        said = self.run(team, "--approvals told.json", code=2)
        assert "told.json' is not what 'gitreg ci approvals' prints" in said
        assert team.desk.alias("m:production") is None


def test_a_person_without_text_breaks_no_record(team: Team) -> None:
    team.write("production: v1\n")
    team.desk.sh(
        "git add .gitreg && git -c i18n.commitEncoding=latin1 -c user.name=\"$(printf 'J\\351r\\364me')\""
        " commit --quiet -m \"$(printf 'caf\\351')\" && git push --quiet origin main"
    )
    assert shown(team.apply()) == ["m:production nothing -> v1"]
    assert isinstance(team.tip(), Oid)


def test_a_move_that_only_claims_to_be_merged_is_moved_back_or_reported(team: Team) -> None:
    asked = team.merge("production: v1\n")
    team.merge("production: v1\nstaging: {version: v0, after: none}\n")
    team.apply()
    for alias in ("production", "staging"):
        team.forge(f"m:{alias}", "v2", team.desk.oid("main"))
    found = team.apply()
    assert shown(found) == ["m:production v2 -> v1"]
    assert "'m:staging' has been moved since the request was written" in problems(found)[0]
    assert team.history()[0] == f"v1 {asked.short}"
