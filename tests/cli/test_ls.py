"""`gitreg ls`: what is listed, in which order and form, and how little is read for it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import badinput
import pytest

from crowd import crowd
from desks import Desk, World
from gitreg.git.objects import Objects
from screens import on_a_terminal

UNFETCHED = "aliases, and what was deleted or edited, are not known here; 'gitreg fetch' brings them\n"


@pytest.fixture
def thirty(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset, and 40 versions of a model, as the current directory."""
    crowd(repo, versions=40)
    monkeypatch.chdir(repo)
    return repo


def out(*arguments: str, err: str = "") -> str:
    """What `gitreg ARGUMENTS` prints, and that it says `err` beside it."""
    done = badinput.run(*arguments)
    assert (done.code, done.err) == (0, err), done
    return done.out


def first(text: str) -> list[str]:
    """The first word of each line but the titles."""
    return [line.split()[0] for line in text.splitlines()[1:]]


def versions(*arguments: str) -> list[Any]:
    found = json.loads(out("ls", "model", "--json", *arguments))["versions"]
    assert isinstance(found, list)
    return found


class TestVersions:
    def test_the_newest_thirty_are_shown_first_and_the_rest_is_counted(self, thirty: Path) -> None:
        shown = out("ls", "model", err="30 of 40 versions; --limit all shows all\n")
        assert first(shown) == [f"v{number}" for number in range(39, 9, -1)]
        assert first(out("ls", "model", "--limit", "all")) == [f"v{number}" for number in range(39, -1, -1)]
        assert first(out("ls", "model", "--limit", "2", err="2 of 40 versions; --limit all shows all\n")) == [
            "v39",
            "v38",
        ]

    def test_programs_get_all_of_them_unless_they_say_otherwise(self, thirty: Path) -> None:
        assert len(versions()) == 40
        assert len(versions("--limit", "3")) == 3
        assert out("ls", "model", "--format", "tsv").count("\n") == 41

    def test_the_results_that_most_runs_have_are_columns(self, thirty: Path) -> None:
        title, newest, *_ = out(
            "ls", "model", "--limit", "1", err="1 of 40 versions; --limit all shows all\n"
        ).splitlines()
        assert title.split() == ["VERSION", "accuracy", "val_loss", "SIZE", "FILES", "CREATED", "BY"]
        assert newest.split()[:3] == ["v39", "0.54", "0.66"]

    def test_what_is_asked_about_is_a_column_too(self, thirty: Path) -> None:
        shown = out("ls", "model", "--where", "lr<0.02", "--where", "accuracy>0.8", "--sort", "-val_loss")
        assert shown.splitlines()[0].split()[:4] == ["VERSION", "val_loss", "lr", "accuracy"]
        losses = [float(line.split()[1]) for line in shown.splitlines()[1:]]
        assert losses == sorted(losses, reverse=True)
        assert len(losses) == sum(
            item["config"]["lr"] < 0.02 and item["summary"]["accuracy"] > 0.8 for item in versions()
        )

    def test_columns_are_those_that_were_asked_for_in_every_form_but_json(self, thirty: Path) -> None:
        columns = ("--columns", "version,lr,config.layers,created", "--limit", "1")
        counted = "1 of 40 versions; --limit all shows all\n"
        assert out("ls", "model", *columns, err=counted).splitlines() == [
            "VERSION   lr  config.layers  CREATED",
            "v39      0.1  64, 64         just now",
        ]
        assert out("ls", "model", "--format", "csv", *columns).splitlines() == [
            "version,lr,config.layers,created",
            'v39,0.1,"[64, 64]",2026-01-02T03:04:05Z',
        ]
        assert badinput.run("ls", "model", "--json", *columns).code == 2

    def test_csv_has_every_field_under_its_dotted_name(self, thirty: Path) -> None:
        rows = list(csv.DictReader(io.StringIO(out("ls", "model", "--format", "csv"))))
        assert rows[0]["version"] == "v39"
        assert rows[0]["summary.accuracy"] == "0.54"
        assert rows[0]["metadata.framework"] == "numpy"
        assert len({row["run"] for row in rows}) == 40

    def test_no_more_is_read_than_is_shown(self, thirty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        read = Objects.read
        seen: list[str] = []

        def counting(self: Objects, oid: Any) -> tuple[str, bytes]:
            seen.append(str(oid))
            return read(self, oid)

        monkeypatch.setattr(Objects, "read", counting)
        out("ls", "model", "--limit", "5", err="5 of 40 versions; --limit all shows all\n")
        # its tag, its commit, and the last commit of its run
        assert len(seen) == 5 * 3
        seen.clear()
        out("ls", "model", "--sort", "version", "--limit", "1", err="1 of 40 versions; --limit all shows all\n")
        assert len(seen) == 3

    def test_nothing_fits_is_said_and_is_no_failure(self, thirty: Path) -> None:
        assert out("ls", "model", "--where", "accuracy>1", err="no version fits\n") == ""
        assert versions("--where", "accuracy>1") == []
        assert out("ls", "model", "--where", "accuracy>1", "--format", "csv") == ""

    def test_a_slip_in_a_key_is_named(self, thirty: Path) -> None:
        said = "no version fits\nnote: none of them has 'acuracy'; did you mean 'accuracy'?\n"
        done = badinput.run("ls", "model", "--where", "acuracy>0.5")
        assert (done.out, sorted(done.err.splitlines())) == ("", sorted(said.splitlines()))


class TestOneVersion:
    def test_results_that_a_run_had_later_belong_to_its_versions_too(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(desk.path)
        run = desk.start()
        run.update_summary({"loss": 0.5})
        run.log_artifact(desk.draft("model", "1"))
        run.update_summary({"loss": 0.25, "accuracy": 0.9})
        run.log_artifact(desk.draft("model", "2"))
        run.update_summary({"f1": 0.8})
        run.finish("finished")
        new, old = versions()
        # what was known when it was logged counts first
        assert old["summary"] == {"loss": 0.5, "accuracy": 0.9, "f1": 0.8}
        assert new["summary"] == {"loss": 0.25, "accuracy": 0.9, "f1": 0.8}

    def test_a_version_whose_run_cannot_be_read_is_listed_without_results(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(desk.path)
        desk.log("model", "1")
        run_id = desk.details("model:v0").run.id
        bad = desk.sh(
            "git cat-file commit model@v0^0 | sed 's/schema: 1/schema: 9/' | git hash-object -t commit -w --stdin"
        )
        desk.git(f"update-ref refs/gitreg/runs/{run_id[:2]}/{run_id} {bad}")
        done = badinput.run("ls", "model")
        assert first(done.out) == ["v0"]
        assert done.err.startswith("warning: the results of 'model:v0' are left out: ")

    def test_a_tag_that_is_only_named_like_a_version_is_not_listed(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(desk.path)
        desk.log("model", "1")
        desk.git("tag -a -m mine model@v7")
        desk.git("tag -a -m mine other@v7")
        assert first(out("ls", "model")) == ["v0"]
        assert first(out("ls")) == ["model"]

    def test_what_is_not_published_is_marked_where_there_is_somewhere_to_publish(
        self, ada: Desk, bob: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ada.log("model", "1")
        ada.publish()
        ada.log("model", "2")
        monkeypatch.chdir(ada.path)
        assert out("ls", "model").splitlines()[1].split()[-1] == "unpublished"
        assert "unpublished" not in out("ls", "model").splitlines()[2]
        assert "1 unpublished" in out("ls")
        bob.fetch()
        monkeypatch.chdir(bob.path)
        assert "unpublished" not in out("ls", "model") + out("ls")


class TestCollections:
    def test_those_with_the_newest_version_come_first(self, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        crowd(repo, versions=2, collections=3)
        monkeypatch.chdir(repo)
        assert first(out("ls")) == ["model_0002", "model_0001", "model_0000", "data"]
        assert first(out("ls", "--limit", "1", err="1 of 4 collections; --limit all shows all\n")) == ["model_0002"]

    def test_they_are_filtered_by_type_alias_and_what_their_newest_version_says(
        self, world: World, ada: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ada.log("data", "d", "dataset")
        ada.log("model", "1")
        ada.log("model", "2")
        ada.link(ada.version("model:v0"), "model/M")
        ada.promote("model/M:production", "v0")
        ada.promote("model:staging", "v1")
        monkeypatch.chdir(ada.path)
        assert first(out("ls", "--type", "dataset")) == ["data"]
        assert first(out("ls", "--alias", "production")) == ["model/M"]
        assert first(out("ls", "model", "--alias", "staging")) == ["v1"]
        assert first(out("ls", "--where", "versions>1")) == ["model"]
        assert first(out("ls", "--where", "registered=true")) == ["model/M"]
        assert "production=v0" in out("ls", "--alias", "production")
        lines = {item["collection"]: item for item in json.loads(out("ls", "--json"))["collections"]}
        assert lines["model"]["aliases"] == [{"alias": "staging", "version": "v1"}]
        assert lines["model"]["latest"] == "v1"

    def test_an_empty_repository_says_how_to_begin(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(desk.path)
        done = badinput.run("ls")
        assert (done.code, done.out) == (0, "")
        assert "gitreg put" in done.err
        assert json.loads(out("ls", "--json")) == {"schema": "gitreg/ls/1", "collections": []}


class TestOnATerminal:
    def test_the_table_goes_through_gits_pager_and_the_count_does_not(self, thirty: Path) -> None:
        shown = on_a_terminal("gitreg ls model", thirty, GIT_PAGER="sed 's/^/paged: /'")
        lines = shown.splitlines()
        assert [line.startswith("paged: ") for line in lines] == [True] * 31 + [False]
        assert lines[-1] == "30 of 40 versions; --limit all shows all"
        assert "paged" not in on_a_terminal("gitreg --no-pager ls model", thirty, GIT_PAGER="sed 's/^/paged: /'")

    def test_titles_are_bold_unless_nobody_wants_colours(self, thirty: Path) -> None:
        assert "\x1b[1mVERSION\x1b[0m" in on_a_terminal("gitreg ls model", thirty, GIT_PAGER="cat", NO_COLOR="")
        assert "\x1b" not in on_a_terminal("gitreg ls model", thirty, GIT_PAGER="cat", NO_COLOR="1")

    def test_a_state_has_a_colour_and_is_a_word_all_the_same(self, thirty: Path) -> None:
        shown = on_a_terminal("gitreg runs", thirty, GIT_PAGER="cat", NO_COLOR="")
        assert "\x1b[32mfinished\x1b[0m" in shown
        assert "\x1b[31mfailed\x1b[0m" in shown


def test_a_clone_that_has_nothing_but_the_tags_says_so(
    ada: Desk, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in ("1", "2"):
        ada.log("a", content)
    ada.publish()
    other = world.clone("other")
    monkeypatch.chdir(other.path)
    for command in (["ls"], ["ls", "a", "--json"], ["show", "a"], ["show", "a:v1", "--json"], ["get", "a:v1"]):
        done = badinput.run(*command)
        assert (done.code, UNFETCHED in done.err, UNFETCHED in done.out) == (0, True, False)
    other.log("b", "3")
    assert UNFETCHED in badinput.run("ls").err
    other.fetch()
    assert UNFETCHED not in badinput.run("ls").err
    monkeypatch.chdir(ada.path)
    assert UNFETCHED not in badinput.run("show", "a").err


def test_where_nothing_is_published_there_is_nothing_to_fetch(ada: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ada.path)
    ada.log("a", "1")
    assert UNFETCHED not in badinput.run("ls").err
