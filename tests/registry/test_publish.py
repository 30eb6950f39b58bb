"""Publishing between two clones, a server and a storage, and everything that can go wrong on the way."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

import pytest

from desks import Desk, World
from gitreg.errors import GitError, StorageError, UsageError
from gitreg.git.refs import Change, Refs
from gitreg.records.names import Reference, RunId
from gitreg.records.objects import Oid
from gitreg.registry import pending, publish, resolve, runs, versions
from gitreg.registry.pending import renumber
from gitreg.registry.publish import Report
from gitreg.registry.repository import Registry
from helpers import agrees


def renumbered(report: Report) -> dict[str, str]:
    return {str(old): str(new) for old, new in report.renumbered.items()}


def refused(report: Report) -> list[str]:
    return [refusal.name for refusal in report.refused]


def no_clash(desk: Desk) -> None:
    desk.sh("git pull --quiet --tags && git fetch --quiet --prune --prune-tags")


def test_what_was_logged_arrives_with_its_bytes_its_run_and_its_lineage(ada: Desk, bob: Desk, world: World) -> None:
    data = ada.log("data", {"a": "1", "sub/b": "2"}, "dataset")
    model = ada.log("m", "weights", use=[data])
    ada.link(model, "model/M")
    ada.promote("model/M:production", "v0", reason="good")
    report = ada.publish()
    assert (report.refused, report.runs, report.aliases) == ([], 2, ["model/M:production -> v0"])
    assert sorted(map(str, report.versions)) == ["data:v0", "m:v0", "model/M:v0"]
    assert ada.refs("refs/gitreg/") == []
    assert world.on_server("git fsck --strict --no-dangling 2>&1") == ""
    found = bob.fetch()
    assert sorted(map(str, found.new)) == ["data:v0", "m:v0", "model/M:v0"]
    for reference in ("data:v0", "m:v0", "model/M:v0", "model/M:production"):
        agrees(bob.path, reference, world.storage)
        agrees(ada.path, reference, world.storage)
    assert [str(use.version) for use in runs.get(bob.registry, bob.details("m:v0").run.id).inputs] == ["data:v0"]
    assert bob.all() == ada.all() == ["data:v0", "m:v0", "model/M:v0"]
    again = ada.publish()
    assert (again.versions, again.runs, again.aliases, again.objects) == ([], 0, [], 0)


def test_what_protects_bytes_here_goes_when_a_storage_has_them(ada: Desk) -> None:
    ada.log("m", "weights")
    kept = ada.registry.private / "keep"
    assert [path for path in kept.rglob("*") if path.is_file()]
    ada.publish()
    assert [path for path in kept.rglob("*") if path.is_file()] == []


def test_the_same_number_in_two_clones_is_given_twice_and_published_once(ada: Desk, bob: Desk, world: World) -> None:
    theirs = bob.log("m", "bob's")
    bob.link(theirs, "model/M")
    bob.publish()
    data = ada.log("data", "d", "dataset")
    mine, more = ada.log("m", "ada's", use=[data]), ada.log("m", "ada's second")
    ada.link(mine, "model/M")
    ada.link(more, "model/M")
    ada.promote("m:best", "v0")
    ada.promote("m:best", "v1", reason="even better")
    ada.promote("model/M:candidate", "v1")
    no_clash(ada)
    report = ada.publish()
    assert report.refused == []
    assert renumbered(report) == {
        "m:v0": "m:v1",
        "m:v1": "m:v2",
        "model/M:v0": "model/M:v1",
        "model/M:v1": "model/M:v2",
    }
    commits = {str(version.name): version.commit for version in versions.all_versions(ada.registry)}
    assert (commits["m:v0"], commits["m:v1"], commits["m:v2"]) == (theirs.commit, mine.commit, more.commit)
    assert (commits["model/M:v1"], commits["model/M:v2"]) == (mine.commit, more.commit)
    assert ada.moves("m:best") == ["best -> m@v2", "best -> m@v1"]
    assert (ada.place("m:best"), ada.place("model/M:candidate")) == ("m:v2", "model/M:v2")
    record = versions.record(ada.registry, ada.version("model/M:v2"))
    assert record.link
    assert str(record.link.version) == "m:v2"
    no_clash(ada)
    no_clash(bob)
    bob.fetch()
    assert bob.all() == ada.all()
    for reference in ("m:v0", "m:v1", "m:v2", "model/M:v2", "m:best", "model/M:candidate"):
        agrees(ada.path, reference, world.storage)
        agrees(bob.path, reference, world.storage)


def test_a_link_to_what_others_published_is_not_renamed_with_a_draft_of_the_same_number(ada: Desk, bob: Desk) -> None:
    theirs = bob.log("m", "bob's")
    bob.publish()
    mine = ada.log("m", "ada's")
    ada.fetch()
    published = next(version for version in versions.all_versions(ada.registry) if version.published)
    assert published.commit == theirs.commit
    ada.link(published, "model/M")
    ada.link(mine, "model/N")
    ada.publish()
    names = {}
    for name in ("model/M", "model/N"):
        record = versions.record(ada.registry, ada.version(name))
        assert record.link
        names[name] = str(record.link.version)
    assert names == {"model/M": "m:v0", "model/N": "m:v1"}


def test_runs_of_the_same_name_are_all_published(ada: Desk, world: World) -> None:
    for number in range(3):
        run = ada.start("same-name-1")
        run.log_artifact(ada.draft("m", f"{number}"))
        run.finish("finished")
    world.on_server("git config receive.advertiseAtomic false")
    assert ada.publish().runs == 3
    assert len([name for name in world.published() if "/runs/" in name]) == 3


def test_a_hook_that_refuses_a_version_holds_back_what_depends_on_it_and_nothing_else(
    ada: Desk, bob: Desk, world: World
) -> None:
    bad = ada.log("bad", "x")
    ada.link(bad, "model/Bad")
    ada.promote("bad:best", "v0")
    ada.promote("model/Bad:best", "v0")
    child = ada.log("child", "made of bad", use=[bad])
    good = ada.log("good", "y")
    ada.link(good, "model/Good")
    ada.promote("model/Good:best", "v0")
    world.hook("update", '[ "$1" != refs/tags/bad@v0 ] || { echo no bad models; exit 1; }')
    report = ada.publish()
    assert sorted(map(str, report.versions)) == ["good:v0", "model/Good:v0"]
    assert report.aliases == ["model/Good:best -> v0"]
    assert len(report.refused) == 5
    assert any("hook declined" in item.why for item in report.refused)
    assert not any(item.lost_race for item in report.refused)
    assert not [name for name in world.published() if "bad" in name.lower() or "child" in name]
    assert world.on_server(f"git cat-file -e {good.commit} && echo here").strip() == "here"
    assert {"bad:v0 (unpublished)", "child:v0 (unpublished)", "model/Bad:v0 (unpublished)"} <= set(ada.all())
    (world.server / "hooks" / "update").unlink()
    assert ada.publish().refused == []
    bob.fetch()
    for reference in ("bad:best", "model/Bad:best", "child:v0"):
        agrees(bob.path, reference, world.storage)
    assert bob.version("child").commit == child.commit


def test_a_server_without_atomic_pushes_gets_everything_in_order(ada: Desk, bob: Desk, world: World) -> None:
    world.on_server("git config receive.advertiseAtomic false")
    bob.log("m", "bob's")
    bob.publish()
    data = ada.log("data", "d", "dataset")
    ada.link(ada.log("m", "ada's", use=[data]), "model/M")
    world.hook("post-receive", "while read -r old new ref; do echo $ref >>order; done")
    report = ada.publish()
    assert (report.refused, renumbered(report)) == ([], {"m:v0": "m:v1"})
    order = (world.server / "order").read_text().split()
    places = [order.index(f"refs/tags/{name}") for name in ("data@v0", "m@v1", "model/M@v0")]
    assert places == sorted(places)
    bob.fetch()
    agrees(bob.path, "model/M:v0", world.storage)


def test_bytes_are_on_the_storage_before_any_ref_is_on_the_server(ada: Desk, world: World) -> None:
    world.hook(
        "update",
        f"""
        case $1 in refs/tags/*)
            name=${{1#refs/tags/}}
            md5=$(git show "$3:artifacts/${{name%@*}}.dvc" | sed -n 's/^- md5: //p')
            [ -f {world.storage}/files/md5/$(echo "$md5" | cut -c 1-2)/$(echo "$md5" | cut -c 3-) ] || exit 1
            git show "$3:artifacts/${{name%@*}}.files" | while read -r md5 rest; do
                [ -f {world.storage}/files/md5/$(echo "$md5" | cut -c 1-2)/$(echo "$md5" | cut -c 3-) ] || exit 1
            done || exit 1
            echo "$1" >>checked
        esac""",
    )
    ada.log("data", {"a": "1", "b": "2"}, "dataset")
    ada.log("m", "weights")
    assert ada.publish().refused == []
    assert sorted(set((world.server / "checked").read_text().split())) == ["refs/tags/data@v0", "refs/tags/m@v0"]


def test_aliases_are_pushed_after_the_versions_they_name(ada: Desk, world: World) -> None:
    world.hook("post-receive", "while read -r old new ref; do echo $ref >>order; done")
    ada.log("m", "x")
    ada.promote("m:best", "v0")
    ada.publish()
    order = (world.server / "order").read_text().split()
    assert order[-1] == "refs/gitreg/aliases/m@best"
    assert "refs/tags/m@v0" in order[:-1]


@pytest.mark.parametrize("trouble", ["a file is in the way", "the folder is not there", "no storage at all"])
def test_without_its_bytes_on_a_storage_nothing_is_published(ada: Desk, world: World, trouble: str) -> None:
    error: type[Exception]
    if trouble == "a file is in the way":
        world.storage.rmdir()
        world.storage.write_text("not a folder")
        error = StorageError
    elif trouble == "the folder is not there":
        world.storage.rmdir()
        error = StorageError
    else:
        (ada.path / ".dvc" / "config").write_text("")
        error = UsageError
    ada.log("m", "weights")
    ada.promote("m:best", "v0")
    with pytest.raises(error) as caught:
        ada.publish()
    assert getattr(caught.value, "hint", None)
    assert world.published() == []
    assert ada.all() == ["m:v0 (unpublished)"]
    assert ada.place("m:best") == "m:v0"


def test_a_version_whose_bytes_are_gone_holds_back_what_needs_it_and_nothing_else(ada: Desk, world: World) -> None:
    lost = ada.log("data", "rows", "dataset")
    cache, keep = ada.path / ".dvc" / "cache", ada.path / ".git" / "gitreg" / "keep"
    cache.rename(ada.path / "away")
    shutil.rmtree(keep)
    ada.log("m", "weights", use=[lost])
    ada.promote("m:best", "v0")
    ada.log("other", "weights of another")
    report = ada.publish()
    assert [str(name) for name in report.versions] == ["other:v0"]
    why = {refusal.why for refusal in report.refused}
    assert any("'data.txt' of 'data:v0' is neither here nor on storage" in words for words in why)
    assert any("which was not published" in words for words in why)
    assert ada.all() == ["data:v0 (unpublished)", "m:v0 (unpublished)", "other:v0"]
    shutil.copytree(ada.path / "away", cache, dirs_exist_ok=True)
    assert ada.publish().refused == []
    agrees(ada.path, "m:best", world.storage)


def test_bytes_that_only_the_kept_links_have_are_published_all_the_same(ada: Desk, world: World) -> None:
    ada.log("m", "weights")
    shutil.rmtree(ada.path / ".dvc" / "cache")
    assert ada.publish().refused == []
    agrees(ada.path, "m:v0", world.storage)


def test_a_server_that_is_not_there_changes_nothing(ada: Desk, world: World) -> None:
    ada.log("m", "x")
    world.server.rename(world.server.with_name("away.git"))
    with pytest.raises(GitError):
        ada.publish()
    assert ada.all() == ["m:v0 (unpublished)"]
    world.server.with_name("away.git").rename(world.server)
    assert ada.publish().refused == []


def test_without_a_remote_there_is_nowhere_to_publish_to(desk: Desk) -> None:
    desk.log("m", "x")
    with pytest.raises(UsageError, match="there is no remote 'origin'") as caught:
        desk.publish()
    assert caught.value.hint
    assert "git remote add" in caught.value.hint


def test_a_publishing_that_was_interrupted_is_completed_by_the_next(ada: Desk, bob: Desk, world: World) -> None:
    data = ada.log("data", "d", "dataset")
    model = ada.log("m", "x", use=[data])
    ada.promote("m:best", "v0")
    run = ada.details("m:v0").run.id
    ada.publish(leave=frozenset({"refs/tags/m@v0", "refs/tags/data@v0", f"refs/gitreg/runs/{run[:2]}/{run}"}))
    # the push went through, and the process died before it could write that down
    ada.sh("git push --quiet origin refs/gitreg/drafts/m@v0:refs/tags/m@v0")
    ada.sh(f"git push --quiet origin refs/gitreg/runs/{run[:2]}/{run}")
    assert ada.version("m").commit == model.commit
    report = ada.publish()
    assert (report.refused, renumbered(report), list(map(str, report.versions))) == ([], {}, ["data:v0"])
    assert ada.refs("refs/gitreg/") == []
    bob.fetch()
    agrees(bob.path, "m:best", world.storage)


def test_a_run_that_logs_while_it_is_published_brings_nothing_without_its_bytes(
    ada: Desk, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ada.start()
    run.log_artifact(ada.draft("m", "one"))
    names: list[str] = []

    class Busy:
        chain = staticmethod(runs.chain)

        @staticmethod
        def tips(registry: Registry) -> dict[RunId, tuple[Oid, bool]]:
            if not names:
                names.append(str(run.log_artifact(ada.draft("m", "two"))[0].name))
            return runs.tips(registry)

    monkeypatch.setattr(pending, "runs", Busy)
    assert ada.publish().refused == []
    assert names == ["m:v1"]
    assert "refs/tags/m@v1" in world.published()
    md5 = ada.details("m:v1").artifact.pointer
    assert (world.storage / "files" / "md5" / md5[:2] / md5[2:]).exists()
    run.finish("finished")


@pytest.mark.parametrize("made", range(9))
def test_a_renumbering_that_is_killed_leaves_no_version_without_a_number_and_none_with_two(
    ada: Desk, bob: Desk, world: World, monkeypatch: pytest.MonkeyPatch, made: int
) -> None:
    bob.link(bob.log("m", "theirs"), "model/M")
    bob.publish()
    mine = [ada.log("m", content).commit for content in ("one", "two")]
    for label in ("v0", "v1"):
        ada.link(ada.version(f"m:{label}"), "model/M")
    ada.promote("model/M:best", "v0")
    taken = ada.fetch().new

    def killed(refs: Refs, changes: Iterable[Change]) -> None:
        # git makes the changes in this order, the deletions last
        first = list(changes)[:made]
        monkeypatch.undo()
        refs.change(first)
        raise KeyboardInterrupt

    monkeypatch.setattr(Refs, "change", killed)
    with pytest.raises(KeyboardInterrupt):
        renumber(ada.registry, taken)
    drafts = [version for version in versions.all_versions(ada.reopen()) if not version.published]
    assert {version.commit for version in drafts if not version.name.collection.space} == set(mine)
    assert {version.commit for version in drafts if version.name.collection.space} == set(mine)
    assert ada.publish().refused == []
    assert ada.refs("refs/gitreg/") == []
    for name in ("m", "model/M"):
        found = [ada.version(f"{name}:v{number}").commit for number in range(3)]
        assert found[1:] == mine
    assert (ada.version("m").name.label, ada.version("model/M").name.label) == ("v2", "v2")
    assert ada.place("model/M:best") == "model/M:v1"
    assert [version.commit for version in versions.all_versions(ada.registry)].count(mine[0]) == 2
    agrees(ada.path, "model/M:best", world.storage)


@pytest.mark.parametrize("interrupted", [False, True])
def test_versions_of_the_time_before_there_was_a_remote_become_drafts_and_are_published(
    desk: Desk, world: World, bob: Desk, *, interrupted: bool
) -> None:
    bob.log("m", "bob's")
    bob.publish()
    mine = desk.log("m", "mine")
    if interrupted:
        # a kill between making the draft and deleting the tag
        desk.sh("git update-ref refs/gitreg/drafts/m@v0 refs/tags/m@v0")
    desk.link(mine, "model/M")
    desk.promote("model/M:best", "v0")
    desk.sh("git tag -a -m 'somebody else' pkg@v1 && git tag -a -m 'mine' other@v0")
    desk.sh(f"git remote add origin file://{world.server}")
    report = desk.publish()
    assert (report.refused, renumbered(report)) == ([], {"m:v0": "m:v1"})
    assert desk.refs("refs/gitreg/") == []
    assert "refs/tags/pkg@v1" in desk.refs("refs/tags")
    assert "refs/tags/pkg@v1" not in world.published()
    bob.fetch()
    assert bob.version("m:v1").commit == mine.commit
    agrees(bob.path, "model/M:best", world.storage)


def test_bytes_of_tags_that_git_itself_is_pushing_are_uploaded_first(desk: Desk, world: World, bob: Desk) -> None:
    mine = desk.log("m", "mine")
    desk.sh(f"git remote add origin file://{world.server}")
    report = desk.publish(leave=frozenset({"refs/tags/m@v0", "refs/heads/main"}))
    assert (report.objects, report.versions) == (2, [])
    desk.sh("git push --quiet origin --tags")
    assert desk.publish().refused == []
    bob.fetch()
    assert bob.version("m:v0").commit == mine.commit
    agrees(bob.path, "m:v0", world.storage)


def test_uncommitted_and_unpushed_code_is_told(ada: Desk) -> None:
    from helpers import capture

    ada.log("m", "pushed code")
    assert ada.publish().warnings == []
    ada.sh("echo change >>README")
    run = ada.start(code=capture(ada.registry.git, ada.registry.objects))
    run.log_artifact(ada.draft("m", "uncommitted"))
    run.finish("finished")
    ada.sh("git commit --quiet -am 'not pushed'")
    ada.log("m", "unpushed")
    warnings = sorted(ada.publish().warnings)
    assert len(warnings) == 2
    assert "is on no branch of the remote" in warnings[0]
    assert warnings[1].startswith("uncommitted changes go with run ")


def test_somebodys_own_tag_is_neither_lost_nor_overwritten(ada: Desk, world: World) -> None:
    ada.log("m", "x")
    ada.sh("git tag m@v0 HEAD")
    before = ada.git("rev-parse m@v0")
    report = ada.publish()
    assert renumbered(report) == {"m:v0": "m:v1"}
    assert ada.git("rev-parse refs/tags/m@v0") == before
    agrees(ada.path, "m:v1", world.storage)


def test_a_lock_that_stays_on_the_server_is_named(ada: Desk, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_ROUNDS", 3)
    lock = world.server / "refs" / "tags" / "m@v0.lock"
    lock.touch()
    ada.log("m", "x")
    ada.promote("m:best", "v0")
    report = ada.publish()
    assert [(item.name.split()[0], item.lost_race) for item in report.refused] == [("m:best", False), ("run", False)]
    assert report.refused[0].why == "'m:v0' is not published"
    assert "refs/tags/m@v0.lock': File exists" in report.refused[1].why
    assert ada.all() == ["m:v0 (unpublished)"]
    lock.unlink()
    assert ada.publish().refused == []


def test_a_race_that_does_not_end_is_reported(ada: Desk, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_ROUNDS", 3)
    # somebody is faster each time
    world.hook("pre-receive", "unset GIT_QUARANTINE_PATH; git update-ref refs/tags/m@v$(git tag | wc -l) HEAD")
    ada.log("m", "x")
    report = ada.publish()
    assert [item.lost_race for item in report.refused] == [True]
    assert ada.all() == ["m:v2 (unpublished)"]
    (world.server / "hooks" / "pre-receive").unlink()
    assert ada.publish().refused == []


def test_one_broken_run_or_alias_does_not_hold_back_the_others(ada: Desk) -> None:
    ada.log("m", "x")
    broken = ada.sh(
        "git log -1 --format=%B HEAD >/dev/null; tree=$(git rev-parse HEAD^{tree});"
        " printf 's\\n\\nGitreg-Run: ---\\n  schema: 1\\n' | git commit-tree $tree -p HEAD"
    ).strip()
    ada.sh(f"git update-ref refs/gitreg/runs/ab/abcd {broken} && git update-ref refs/gitreg/aliases/m@odd {broken}")
    report = ada.publish()
    assert list(map(str, report.versions)) == ["m:v0"]
    assert sorted(refused(report)) == ["m:odd", "run 'abcd'"]


def test_two_clones_that_publish_at_once_lose_nothing(ada: Desk, bob: Desk, world: World) -> None:
    import subprocess
    import sys

    code = (
        "from pathlib import Path; from gitreg.git.runner import Git; from gitreg.registry.publish import publish;"
        "from gitreg.registry.repository import Registry; r = Registry(Git.discover(Path('.')));"
        "assert not publish(r).refused; r.close()"
    )
    made = [desk.log("m", f"{desk.path.name} {number}").commit for desk in (ada, bob) for number in range(4)]
    started = [subprocess.Popen([sys.executable, "-c", code], cwd=desk.path) for desk in (ada, bob)]
    assert [process.wait() for process in started] == [0, 0]
    for desk in (ada, bob):
        desk.fetch()
        found = versions.all_versions(desk.registry)
        assert sorted(version.commit for version in found) == sorted(made)
        assert [version.name.number for version in found] == list(range(8))
        assert all(version.published for version in found)
    agrees(ada.path, "m:v7", world.storage)
    assert resolve.version(bob.registry, Reference.parse("m")).name.number == 7
