"""What is not published can be taken back, whole and without a trace; what is published cannot."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from drops import a_run, dropped, ended, refused, state, whole_run

from desks import Desk, World
from gitreg.errors import NotFoundError, RefusedError
from gitreg.git.objects import Batch
from gitreg.records.records import RUN
from gitreg.records.trailers import Message
from gitreg.registry.drop import drop_version
from helpers import agrees, fingerprint


class TestAVersion:
    def test_that_its_run_made_and_nothing_else_goes_with_the_run(self, ada: Desk) -> None:
        ada.log("data", "d", "dataset")
        ada.publish()
        before, mine = state(ada), fingerprint(ada.path)
        made = ada.log("m", "x", use=[ada.version("data:v0")])
        done = dropped(ada, "m:v0")
        assert state(ada) == before
        assert fingerprint(ada.path) == mine
        assert (done.versions, done.run_is_gone, done.renewed) == ((made,), True, ())
        assert ada.publish().versions == []

    def test_the_next_one_may_take_its_number(self, ada: Desk) -> None:
        ada.log("m", "x")
        ada.log("m", "y")
        dropped(ada, "m:v1")
        assert str(ada.log("m", "z").name) == "m:v1"
        dropped(ada, "m:v0")
        assert ada.all() == ["m:v1 (unpublished)"]
        assert [str(name) for name in ada.publish().versions] == ["m:v1"]

    def test_without_a_registry_remote_it_is_a_tag_and_goes_too(self, desk: Desk) -> None:
        desk.log("m", "x")
        assert desk.refs("refs/tags", "refs/gitreg") != []
        dropped(desk, "m:v0")
        assert desk.refs("refs/tags", "refs/gitreg") == []

    def test_a_link_goes_alone(self, ada: Desk) -> None:
        ada.link(ada.log("m", "x"), "model/M")
        before = state(ada).splitlines()
        done = dropped(ada, "model/M:v0")
        assert len(state(ada).splitlines()) == len(before) - 1
        assert (done.run, ada.all()) == (None, ["m:v0 (unpublished)"])
        dropped(ada, "m:v0")
        assert ada.all() == []

    def test_what_was_taken_back_can_be_put_back(self, ada: Desk) -> None:
        whole_run(ada, "a", "b", "c")
        before = state(ada)
        for what in ("b:v0", "a:v0"):
            done = dropped(ada, what)
            assert state(ada) != before
            for change in done.changes:
                ada.git(f"update-ref {change.ref} {change.old} {change.new or repr('')}")
            assert state(ada) == before

    def test_a_published_one_stays_and_the_way_out_is_named(self, ada: Desk, bob: Desk) -> None:
        ada.log("m", "x")
        ada.publish()
        bob.fetch()
        for desk in (ada, bob):
            message, hint = refused(desk, "m:v0")
            assert message == "'m:v0' is published, and a published version never moves and never goes"
            assert hint == "let an alias name another version: gitreg alias set m:ALIAS VERSION"

    def test_a_draft_that_has_a_published_namesake_is_the_one_that_is_meant(self, ada: Desk, bob: Desk) -> None:
        ada.log("m", "x")
        bob.log("m", "y")
        bob.publish()
        ada.fetch()
        dropped(ada, "m:v0")
        assert ada.all() == ["m:v0"]
        assert refused(ada, "m:v0")[0].startswith("'m:v0' is published")

    def test_a_tag_of_before_there_was_a_remote_is_looked_for_there_first(self, desk: Desk, world: World) -> None:
        desk.log("m", "x")
        desk.git(f"remote add origin {world.server}")
        message, hint = refused(desk, "m:v0")
        assert message == "'m:v0' is a tag, and whether 'origin' has it is not known here yet"
        assert hint.startswith("gitreg fetch")
        desk.fetch()
        dropped(desk, "m:v0")
        assert desk.refs("refs/tags", "refs/gitreg/") == []

    def test_one_that_another_clone_made_is_not_ours_to_drop(self, ada: Desk, bob: Desk) -> None:
        ada.log("m", "x")
        ada.publish()
        bob.fetch()
        bob.git("remote rename origin upstream")
        bob.git("config --unset-all remote.upstream.fetch")
        bob.sh("git for-each-ref --format='delete %(refname)' refs/gitreg-remotes | git update-ref --stdin")
        message, hint = refused(bob, "m:v0")
        assert message.startswith("'m:v0' was not made in this clone")
        assert hint.endswith("git tag -d m@v0")

    def test_a_server_keeps_what_it_has(self, ada: Desk, world: World) -> None:
        ada.log("m", "x")
        ada.publish()
        server = Desk(world.server, ada._shell)
        with pytest.raises(RefusedError, match="a bare repository is a server's"):
            dropped(server, "m:v0")
        server.registry.close()

    def test_one_that_is_gone_already_is_not_found(self, ada: Desk) -> None:
        version = ada.log("m", "x")
        dropped(ada, "m:v0")
        with pytest.raises(NotFoundError):
            drop_version(ada.reopen(), version)


class TestOneOfSeveral:
    def test_goes_alone_and_the_run_is_as_if_it_had_never_logged_it(self, ada: Desk) -> None:
        one, two = ada.log("d1", "1", "dataset"), ada.log("d2", "2", "dataset")
        run = ada.start()
        run.update_config({"lr": 0.1, "no": "1e-3", "deep": {"a": [1, None, float("nan")]}})
        run.log_artifact(ada.draft("a", "a"))
        run.use(one)
        run.log_artifact(ada.draft("b", "b"))
        run.use(two)
        run.log_artifact(ada.draft("c", {"x/y.txt": "c"}))
        run.log_artifact(ada.draft("e", "e"))
        run.update_summary({"loss": 0.25})
        run.finish("finished")
        whole = a_run(ada, run)
        done = dropped(ada, "b:v0")
        rest = a_run(ada, run)
        assert (done.run_is_gone, [str(name) for name in done.renewed]) == (False, ["c:v0", "e:v0"])
        assert [str(use.version) for use in rest.inputs] == ["d1:v0", "d2:v0"]
        assert [commit.tree for commit in rest.commits] == [
            commit.tree for commit in whole.commits if commit.oid != whole.outputs[1]
        ]
        assert rest.commits[0] == whole.commits[0]
        assert [str(use.version) for use in rest.commits[1].record.inputs] == ["d1:v0", "d2:v0"]
        assert [replace(commit.record, inputs=()) for commit in rest.commits[1:]] == [
            replace(commit.record, inputs=()) for commit in whole.commits[2:]
        ]
        for name in ("a", "c", "e"):
            agrees(ada.path, f"{name}:v0", ada.registry.cache.directory)
        assert ada.sh("git fsck --strict --no-dangling 2>&1") == ""
        assert ada.sh("gitreg fsck 2>/dev/null") == ""
        assert ada.publish().refused == []
        assert ada.sh("gitreg fsck --remote 2>/dev/null") == ""
        for name in ("a", "c", "e"):
            agrees(ada.path, f"{name}:v0", ada.registry.cache.directory)

    def test_what_was_only_moved_is_written_as_it_was(self, desk: Desk) -> None:
        """A commit that is written anew differs in its parent and in nothing else."""
        run = desk.start()
        run.log_artifact(desk.draft("a", "a"))
        run.update_config({"words": 'a "b"\n\nc: d', "time": 1e-5, "list": [True, None, "no", "12e5678"]})
        run.log_artifact(desk.draft("b", "b"))
        run.finish("failed")
        old = [desk.registry.objects.commit(commit.oid) for commit in a_run(desk, run).commits[1:]]
        dropped(desk, "a:v0")
        new = [desk.registry.objects.commit(commit.oid) for commit in a_run(desk, run).commits]
        assert [replace(commit, parents=()) for commit in new] == [replace(commit, parents=()) for commit in old]

    def test_what_a_newer_release_wrote_besides_stays(self, desk: Desk) -> None:
        run = whole_run(desk, "a", "b")
        last = desk.registry.objects.commit(a_run(desk, run).tip.oid)
        message = last.message.rstrip("\n") + '\n  later: {key: "value"}\nGitreg-Later: ---\n  a: 1\n'
        batch = Batch()
        tip = batch.add("commit", replace(last, message=message).encode())
        desk.registry.objects.write(batch.objects)
        desk.git(f"update-ref refs/gitreg/runs/{run.record.id[:2]}/{run.record.id} {tip}")
        dropped(desk, "a:v0")
        found = Message.parse(desk.registry.objects.commit(a_run(desk, run).tip.oid).message)
        assert (found.record(RUN) or {})["later"] == {"key": "value"}
        assert found.record("Gitreg-Later") == {"a": 1}

    def test_what_it_logged_again_stays_with_the_run(self, desk: Desk) -> None:
        same = desk.log("same", "s")
        run = desk.start()
        run.log_artifact(desk.draft("same", "s"))
        run.log_artifact(desk.draft("b", "b"))
        run.finish("finished")
        dropped(desk, "b:v0")
        (use,) = a_run(desk, run).reused
        assert (use.commit, a_run(desk, run).outputs) == (same.commit, ())

    def test_metrics_are_results_too(self, desk: Desk) -> None:
        run = whole_run(desk, "a", summary=True)
        done = dropped(desk, "a:v0")
        assert not done.run_is_gone
        assert a_run(desk, run).record.summary == {"loss": 0.5}
        stepping = desk.start()
        stepping.log_artifact(desk.draft("a", "again"))
        stepping.log_step({"_step": 0, "loss": 0.5})
        stepping.finish("finished")
        assert not dropped(desk, "a:v0").run_is_gone
        assert len(a_run(desk, stepping).commits) == 1

    def test_versions_that_a_later_one_was_made_of_have_new_names_for_it(self, desk: Desk) -> None:
        run = desk.start()
        run.log_artifact(desk.draft("a", "a"))
        middle, _ = run.log_artifact(desk.draft("b", "b"))
        run.use(middle)
        run.log_artifact(desk.draft("c", "c"))
        run.finish("finished")
        dropped(desk, "a:v0")
        (use,) = a_run(desk, run).inputs
        assert use.commit == desk.version("b:v0").commit != middle.commit
        agrees(desk.path, "c:v0")

    def test_what_its_own_run_made_another_one_of_stays(self, desk: Desk) -> None:
        run = desk.start()
        first, _ = run.log_artifact(desk.draft("a", "a"))
        run.use(first)
        run.log_artifact(desk.draft("b", "b"))
        run.finish("finished")
        message, hint = refused(desk, "a:v0")
        assert message == "'a:v0' cannot be dropped: its own run 'quiet-river-1' used it afterwards"
        assert hint.endswith(f"gitreg drop {run.record.id}")
        dropped(desk, "b:v0")
        assert dropped(desk, "a:v0").run_is_gone
        assert desk.all() == []

    def test_a_run_that_was_cut_off_behind_it_ends_before_it(self, desk: Desk) -> None:
        run = desk.start()
        first, _ = run.log_artifact(desk.draft("a", "a"))
        run.log_artifact(desk.draft("b", "b"))
        run._journal.remove()
        dropped(desk, "b:v0")
        assert a_run(desk, run).tip.oid == first.commit
        assert dropped(desk, "a:v0").run_is_gone
        assert desk.refs("refs/gitreg/") == []

    def test_any_of_them_can_go(self, desk: Desk) -> None:
        names = [f"n{number}" for number in range(6)]
        for gone in names:
            run = whole_run(desk, *names)
            dropped(desk, f"{gone}:{desk.version(gone).name.label}")
            assert len(a_run(desk, run).outputs) == len(names) - 1
            for name in names:
                if name != gone:
                    agrees(desk.path, name)
            dropped(desk, run.record.id)
            assert desk.all() == []


class TestARun:
    def test_takes_its_versions_with_it(self, ada: Desk) -> None:
        ada.log("other", "o")
        before = state(ada)
        run = whole_run(ada, "a", "b", summary=True)
        done = dropped(ada, run.record.id)
        assert [str(version.name) for version in done.versions] == ["a:v0", "b:v0"]
        assert (done.run_is_gone, state(ada)) == (True, before)
        with pytest.raises(NotFoundError):
            dropped(ada, run.record.id)

    def test_that_is_published_stays(self, ada: Desk) -> None:
        run = whole_run(ada, "a")
        ada.publish()
        assert refused(ada, run.record.id)[0] == f"run '{run.record.id}' is published, and what is published stays"

    def test_keeps_what_is_published(self, ada: Desk, bob: Desk) -> None:
        run = ada.start()
        run.log_artifact(ada.draft("a", "a"))
        ada.publish()
        there = state(ada)
        run.log_artifact(ada.draft("b", "b"))
        ended(run)
        done = dropped(ada, run.record.id)
        assert ([str(version.name) for version in done.versions], done.run_is_gone) == (["b:v0"], False)
        assert state(ada) == there
        assert len(a_run(ada, run).commits) == 1
        assert refused(ada, "a:v0")[0].startswith("'a:v0' is published")
        bob.fetch()
        assert state(bob).splitlines()[0] == state(ada).splitlines()[0]

    def test_one_version_behind_what_is_published_goes_alone(self, ada: Desk) -> None:
        run = ada.start()
        run.log_artifact(ada.draft("a", "a"))
        ada.publish()
        there = state(ada)
        run.log_artifact(ada.draft("b", "b"))
        run.log_artifact(ada.draft("c", "c"))
        ended(run)
        dropped(ada, "b:v0")
        assert len(a_run(ada, run).outputs) == 2
        agrees(ada.path, "c:v0", ada.registry.cache.directory)
        dropped(ada, run.record.id)
        assert state(ada) == there

    def test_that_goes_on_is_left_alone(self, desk: Desk) -> None:
        run = desk.start()
        run.log_artifact(desk.draft("a", "a"))
        for what in (run.record.id, "a:v0"):
            message, hint = refused(desk, what)
            assert message == f"run '{run.record.id}' is going on, or was killed and not recovered"
            assert "gitreg run recover" in hint
        ended(run)
        dropped(desk, "a:v0")

    def test_that_has_logged_nothing_and_lost_its_journal_goes(self, desk: Desk) -> None:
        run = desk.start()
        run._journal.remove()
        assert dropped(desk, run.record.id).run_is_gone
        assert desk.refs("refs/gitreg/") == []


class TestTheCommand:
    def test_says_what_it_took_back_and_what_it_says_undoes_it(self, ada: Desk) -> None:
        ada.log("m", "x")
        before = state(ada)
        done = subprocess.run(["gitreg", "drop", "m:v0"], cwd=ada.path, capture_output=True, text=True, check=True)
        assert done.stdout == ""
        first, second, third, *undo = done.stderr.splitlines()
        assert first.startswith("took back run run-of-ada (")
        assert first.endswith("), with m:v0")
        assert "'dvc gc'" in second
        assert "'git gc'" in third
        ada.sh("\n".join(undo))
        assert state(ada) == before

    @pytest.mark.parametrize(
        ("what", "error", "hint"),
        [
            ("m", "error: 'm' is a collection", "hint: name one version: gitreg drop m:vN"),
            ("m:best", "error: 'm:best' names no version by its number", "hint: write NAME:v3;"),
            ("m:latest", "error: 'm:latest' names no version by its number", "hint: write NAME:v3;"),
            ("m:v7", "error: artifact 'm:v7' not found", "hint: 'm' has v0"),
            ("run-of-ada", "error: 'run-of-ada' is a run's name", "hint: write its id: gitreg drop "),
            ("nothing", "error: run 'nothing' not found", "hint: "),
            ("a b", "error: invalid run id name 'a b'", "hint"),
        ],
    )
    def test_names_the_mistake(self, ada: Desk, what: str, error: str, hint: str) -> None:
        ada.log("m", "x")
        done = subprocess.run(["gitreg", "drop", what], cwd=ada.path, capture_output=True, text=True, check=False)
        assert done.stderr.startswith(error)
        assert f"\n{hint}" in done.stderr or hint == "hint"
        assert done.returncode in (2, 6)
