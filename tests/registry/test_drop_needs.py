"""What somebody needs cannot be taken back, and whoever comes at the same time gets either the thing or a refusal."""

from __future__ import annotations

import subprocess

import pytest
from drops import a_run, dropped, ended, refused, state, whole_run

from desks import Desk, alias_name
from gitreg.errors import LostRaceError, NotFoundError
from gitreg.registry import aliases, runs, versions
from gitreg.registry.drop import drop_version
from gitreg.registry.repository import Registry


class TestWhatIsNeeded:
    def test_names_all_that_need_it_and_the_commands_that_take_them_back_in_order(self, ada: Desk) -> None:
        data = ada.log("data", "d", "dataset")
        model = ada.log("m", "x", use=[data])
        ada.link(model, "model/M")
        ada.promote("model/M:production", "v0")
        ada.promote("m:best", "v0")
        (trained,) = [
            run_id for run_id in runs.tips(ada.registry) if versions.record(ada.registry, model).run == run_id
        ]
        message, hint = refused(ada, "data:v0")
        assert message == f"'data:v0' cannot be dropped: run 'run-of-ada' ({trained}) needs it"
        commands = hint.removeprefix("first: ").split(" && ")
        assert commands[-1] == f"gitreg drop {trained}"
        assert sorted(commands) == sorted(
            [
                "gitreg alias reset m:best",
                "gitreg alias reset model/M:production",
                "gitreg drop model/M:v0",
                f"gitreg drop {trained}",
            ]
        )
        message, _ = refused(ada, "m:v0")
        assert message == (
            "'m:v0' cannot be dropped: link 'model/M:v0', alias 'm:best' and alias 'model/M:production' need it"
        )
        assert refused(ada, "model/M:v0")[0].endswith("alias 'model/M:production' needs it")
        ada.sh(" && ".join(commands) + " && gitreg drop data:v0")
        assert ada.refs("refs/gitreg/", "refs/tags/") == []

    def test_an_earlier_move_of_an_alias_counts_and_one_that_is_published_does_not_need_what_is_not(
        self, ada: Desk
    ) -> None:
        ada.log("m", "x")
        ada.publish()
        ada.log("m", "y")
        ada.promote("m:best", "v1")
        ada.promote("m:best", "v0")
        assert "alias 'm:best' needs it" in refused(ada, "m:v1")[0]
        aliases.reset(ada.reopen(), alias_name("m:best"))
        dropped(ada, "m:v1")

    def test_an_alias_that_was_moved_there_by_hand_counts(self, ada: Desk) -> None:
        version = ada.log("m", "x")
        ada.git(f"update-ref refs/gitreg/aliases/m@best {version.commit}")
        assert refused(ada, "m:v0")[0].endswith("alias 'm:best' needs it")
        ada.sh("gitreg alias reset m:best")
        dropped(ada, "m:v0")

    def test_a_run_that_logged_the_same_again_counts(self, desk: Desk) -> None:
        desk.log("m", "x")
        run = desk.start("again")
        run.log_artifact(desk.draft("m", "x"))
        run.finish("finished")
        assert refused(desk, "m:v0") == (
            f"'m:v0' cannot be dropped: run 'again' ({run.record.id}) needs it",
            f"first: gitreg drop {run.record.id}",
        )

    def test_a_run_that_goes_on_counts_before_it_has_committed_anything(self, desk: Desk) -> None:
        version = desk.log("m", "x")
        run = desk.start("user")
        run.use(version)
        message, hint = refused(desk, "m:v0")
        assert message == f"'m:v0' cannot be dropped: run 'user' ({run.record.id}), which goes on, needs it"
        assert hint.startswith(f"first let run {run.record.id} finish")
        ended(run)
        assert "which goes on" not in refused(desk, "m:v0")[0]

    def test_a_run_that_started_from_its_commit_counts(self, desk: Desk) -> None:
        version = desk.log("m", "x")
        desk.git("checkout --quiet m@v0")
        run = whole_run(desk, "n")
        assert run.record.code.commit == version.commit
        assert f"({run.record.id}) needs it" in refused(desk, "m:v0")[0]

    def test_a_link_is_needed_by_those_who_used_its_name(self, ada: Desk) -> None:
        ada.log("m", "x")
        ada.publish()
        link = ada.link(ada.version("m:v0"), "model/M")
        ada.log("n", "y", use=[link])
        assert "run 'run-of-ada'" in refused(ada, "model/M:v0")[0]

    def test_later_versions_of_the_run_that_somebody_needs_keep_it(self, ada: Desk) -> None:
        run = whole_run(ada, "a", "b", "c")
        link = ada.link(ada.version("b:v0"), "model/B")
        message, hint = refused(ada, "a:v0")
        assert message == (
            "'a:v0' cannot be dropped: link 'model/B:v0' needs it, or 'b:v0' or 'c:v0' of the same run,"
            " which would become another commit"
        )
        assert hint == f"first: gitreg drop {link.name}"
        dropped(ada, "c:v0")
        dropped(ada, "model/B:v0")
        dropped(ada, "a:v0")
        assert len(a_run(ada, run).outputs) == 1

    def test_somebody_who_links_it_at_the_same_time_keeps_it(self, ada: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        version = ada.log("m", "x")
        before = state(ada)
        registry = ada.reopen()
        transact = registry.transact

        def first_a_link(*arguments: object) -> None:
            monkeypatch.undo()
            ada.link(version, "model/M")
            transact(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(registry, "transact", first_a_link)
        with pytest.raises(LostRaceError, match="link 'model/M:v0', which is new"):
            drop_version(registry, version)
        assert [line for line in state(ada).splitlines() if "model/M" not in line] == before.splitlines()

    @pytest.mark.parametrize("what", ["link", "alias"])
    def test_a_drop_that_comes_first_leaves_nothing_that_names_it(
        self, ada: Desk, monkeypatch: pytest.MonkeyPatch, what: str
    ) -> None:
        before = state(ada)
        version = ada.log("m", "x")
        registry = ada.registry
        transact = registry.transact

        def first_a_drop(*arguments: object) -> None:
            monkeypatch.undo()
            with Registry.opened(ada.path) as other:
                drop_version(other, version)
            transact(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(registry, "transact", first_a_drop)
        with pytest.raises(NotFoundError, match="'m:v0' was dropped meanwhile"):
            ada.link(version, "model/M") if what == "link" else aliases.move(registry, alias_name("m:best"), version)
        assert state(ada) == before

    def test_links_and_drops_at_the_same_time_leave_no_link_to_nothing(self, ada: Desk) -> None:
        for number in range(6):
            ada.log("m", str(number))
            both = [["gitreg", "link", "m", f"model/M{number}"], ["gitreg", "drop", str(ada.version("m").name)]]
            started = [
                subprocess.Popen(line, cwd=ada.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                for line in both
            ]
            codes = [process.wait() for process in started]
            linked, dropped_ = f"model/M{number}:v0 (unpublished)" in ada.all(), codes[1] == 0
            assert (linked, dropped_) in ((True, False), (False, True)), codes
            if linked:
                dropped(ada, f"model/M{number}:v0")
                dropped(ada, "m:v0")
            assert ada.all() == []
