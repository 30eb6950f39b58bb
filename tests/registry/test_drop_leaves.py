"""What is left behind a version or run that was taken back: of its bytes, in the index, and by a crash."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace

import pytest
from drops import a_run, dropped, ended, kept, state, whole_run

from desks import Desk
from gitreg.git.objects import Batch
from gitreg.git.refs import Change
from gitreg.records.names import VersionNumber
from gitreg.records.objects import ZERO, Commit
from gitreg.registry import index, versions


class TestWhatACrashLeaves:
    @pytest.mark.parametrize("what", ["a:v0", "b:v0", "c:v0", "the run"])
    def test_dropping_again_ends_where_one_whole_drop_ends(self, ada: Desk, what: str) -> None:
        """git changes the refs of a transaction one after the other, deletions last; a kill may come in between."""
        run = whole_run(ada, "a", "b", "c")
        what = run.record.id if what == "the run" else what
        whole = [line.split() for line in state(ada).splitlines()]
        done = dropped(ada, what)
        goal = state(ada)
        changes = sorted(done.changes, key=lambda change: not change.new)
        for cut in range(1, len(changes)):
            ada.sh("git for-each-ref --format='delete %(refname)' refs/gitreg/ | git update-ref --stdin")
            for oid, _, name in whole:
                ada.git(f"update-ref {name} {oid}")
            for change in changes[:cut]:
                ada.git(f"update-ref {change.ref} {change.new}")
            dropped(ada, what)
            assert state(ada) == goal, cut

    def test_a_version_that_a_killed_renumbering_left_twice_goes_twice(self, ada: Desk) -> None:
        run = whole_run(ada, "a", "b")
        twin = ada.version("a:v0")
        record = versions.record(ada.registry, twin).renumbered(VersionNumber(1))
        batch = Batch()
        tag = batch.add(*versions.tag_object(ada.registry, record, twin.commit))
        ada.registry.transact(batch, [Change("refs/gitreg/drafts/a@v1", ZERO, tag)])
        done = dropped(ada, "a:v1")
        assert sorted(str(version.name) for version in done.versions) == ["a:v0", "a:v1"]
        assert ada.all() == ["b:v0 (unpublished)"]
        assert len(a_run(ada, run).outputs) == 1

    def test_a_draft_that_cannot_be_read_stops_no_other(self, ada: Desk) -> None:
        ada.log("m", "x")
        broken = replace(ada.registry.objects.tag(ada.version("m:v0").tag), name="m@v9")
        batch = Batch()
        tag = batch.add("tag", broken.encode())
        ada.registry.transact(batch, [Change("refs/gitreg/drafts/m@v3", ZERO, tag)])
        ada.log("n", "y")
        dropped(ada, "n:v0")
        assert [str(version.name) for version in dropped(ada, "m:v0").versions] == ["m:v0"]


class TestBytes:
    def test_are_no_longer_protected_and_stay_in_the_cache(self, ada: Desk) -> None:
        ada.log("m", {"same": "shared", "mine": "x" * 100})
        before = kept(ada)
        ada.log("n", {"same": "shared", "other": "y" * 100})
        added = kept(ada) - before
        assert len(added) == 2
        done = dropped(ada, "n:v0")
        assert (kept(ada), done.released) == (before, 2)
        assert all(ada.registry.cache.path(md5).exists() for md5 in before | added)
        dropped(ada, "m:v0")
        assert kept(ada) == set()

    def test_a_long_history_goes_with_its_run(self, desk: Desk) -> None:
        run = desk.start()
        run.log_step({"_step": 0, "text": "x" * (2 << 20)})
        run.finish("finished")
        assert len(kept(desk)) == 1
        dropped(desk, run.record.id)
        assert kept(desk) == set()

    def test_stay_protected_while_a_run_goes_on(self, desk: Desk) -> None:
        """It may just have stored the same bytes, and not have committed them."""
        desk.log("m", "x")
        before = kept(desk)
        run = desk.start()
        assert dropped(desk, "m:v0").released == 0
        assert kept(desk) == before
        ended(run)

    def test_that_a_tag_of_somebody_elses_hides_stay_protected(self, desk: Desk) -> None:
        """What cannot be read may need anything."""
        desk.log("m", "x")
        broken = whole_run(desk, "n")
        tip = desk.registry.objects.commit(a_run(desk, broken).tip.oid)
        batch = Batch()
        wrong = batch.add("commit", Commit(tip.tree, (), tip.author, tip.committer, tip.message).encode())
        desk.registry.objects.write(batch.objects)
        desk.git(f"update-ref refs/gitreg/runs/{broken.record.id[:2]}/{broken.record.id} {wrong}")
        before = kept(desk)
        assert dropped(desk, "m:v0").released == 0
        assert kept(desk) == before


class TestTheIndex:
    def test_names_no_run_that_was_dropped(self, ada: Desk) -> None:
        data = ada.log("data", "d", "dataset")
        model = ada.log("m", "x", use=[data])
        run_id = versions.record(ada.registry, model).run
        assert index.used_by(ada.registry, data.commit) == [run_id]
        dropped(ada, "m:v0")
        assert index.used_by(ada.registry, data.commit) == []
        with index.updated(ada.registry) as known:
            assert run_id not in known.tips()
            assert known.tip(run_id) is None

    def test_names_no_run_whose_refs_were_deleted_by_hand(self, ada: Desk) -> None:
        data = ada.log("data", "d", "dataset")
        model = ada.log("m", "x", use=[data])
        run_id = versions.record(ada.registry, model).run
        assert index.used_by(ada.registry, data.commit) == [run_id]
        ada.git(f"update-ref -d refs/gitreg/runs/{run_id[:2]}/{run_id}")
        assert index.used_by(ada.registry, data.commit) == [run_id]
        ada.git("update-ref -d refs/gitreg/drafts/m@v0")
        assert index.used_by(ada.registry, data.commit) == []

    def test_keeps_no_other_process_from_writing_while_it_is_asked(self, ada: Desk) -> None:
        data = ada.log("data", "d", "dataset")
        ada.log("m", "x", use=[data])
        ada.sh("git for-each-ref --format='delete %(refname)' refs/gitreg/runs | git update-ref --stdin")
        with index.updated(ada.registry) as known:
            assert len(known.used_by(data.commit)) == 1
            with contextlib.closing(sqlite3.connect(ada.registry.private / "index-3.sqlite", timeout=0)) as other:
                other.execute("BEGIN EXCLUSIVE")

    def test_knows_what_is_left_of_a_run(self, ada: Desk) -> None:
        data, more = ada.log("data", "d", "dataset"), ada.log("more", "e", "dataset")
        run = ada.start()
        run.use(data)
        run.log_artifact(ada.draft("a", "a"))
        run.use(more)
        run.log_artifact(ada.draft("b", "b"))
        run._journal.remove()
        assert index.used_by(ada.registry, more.commit) == [run.record.id]
        dropped(ada, "b:v0")
        assert index.used_by(ada.registry, more.commit) == []
        assert index.used_by(ada.registry, data.commit) == [run.record.id]
