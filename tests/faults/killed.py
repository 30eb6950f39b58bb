"""The commands that are killed: what each leaves on its way, what its work is, and doing it again."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from crashing import Command, Ended, Step, World, sha256

from conftest import run_shell
from gitreg.records.names import AliasName, CollectionName
from gitreg.registry import aliases, runs, versions
from gitreg.registry.repository import Registry
from tally import FAULTS, Tally


def _git(world: World, arguments: str, where: str = "work") -> list[str]:
    return run_shell(f"git {arguments}", world.folder / where).splitlines()


def _refs(pattern: str, where: str = "work", more: int = 0) -> Callable[[World], bool]:
    """Whether there are more than `more` refs of a pattern."""
    return lambda world: len(_git(world, f"for-each-ref {pattern}", where)) > more


def _files(pattern: str, more: int = 0) -> Callable[[World], bool]:
    """Whether there are more than `more` files of a pattern."""
    return lambda world: len(list(world.folder.glob(pattern))) > more


def _objects(kind: str, more: int) -> Callable[[World], bool]:
    listed = "cat-file --batch-all-objects --batch-check='%(objecttype)'"
    return lambda world: _git(world, listed).count(kind) > more


def _steps_in_journal(world: World) -> bool:
    return any(path.read_text().count('"step"') == 3 for path in world.work.glob(".git/gitreg/journal/*"))


def _finished(world: World) -> bool:
    subjects = _git(world, "log --format=%s --glob=refs/gitreg/runs/* --glob=refs/gitreg-remotes/*/runs/*")
    return sum(subject.startswith("finish") for subject in subjects) > 5


def _versions_with(world: World, collection: str, content: str) -> int:
    with Registry.opened(world.work) as registry:
        found = [item for item in versions.all_versions(registry) if str(item.name.collection) == collection]
        listings = [versions.listing(registry, versions.details(registry, item)) for item in found]
    return sum(sha256(content.encode()) in [entry.sha256 for entry in listing] for listing in listings)


def _put_is_done(world: World) -> None:
    assert _versions_with(world, "data", "row 5\n") == 1


def _run_is_done(world: World) -> None:
    assert _versions_with(world, "w", "three\n") == 1
    with Registry.opened(world.work) as registry:
        found = [runs.chain(registry, tip) for tip, _ in runs.tips(registry).values()]
        mine = [run for run in found if run and run.record.job_type == "train" and run.record.state == "finished"]
        assert mine
        assert {run.record.summary["loss"] for run in mine} == {0.01}
        assert all(len(run.outputs) + len(run.reused) == 1 for run in mine)


def _alias_is_done(world: World) -> None:
    with Registry.opened(world.work) as registry:
        name = AliasName(CollectionName.parse("m"), "production")
        found = [move.record.reason for move in aliases.history(registry, name)]
        alias = aliases.get(registry, name)
    assert found == ["now", "the first"]
    assert alias
    assert alias.place
    assert alias.place.version.label == "v2"


def _promote_is_done(world: World) -> None:
    text = (world.work / ".gitreg" / "aliases" / "data.yaml").read_text()
    assert text.startswith("best: {version: v0, commit: ")
    assert text.endswith(', after: "none", reason: now}\n')
    asked = _git(world, "show ask:.gitreg/aliases/data.yaml")
    assert asked == [text.replace(", reason: now", "").removesuffix("\n")]
    assert _git(world, "diff --name-only origin/main ask") == [".gitreg/aliases/data.yaml"]


def _import_is_done(world: World) -> None:
    assert [_versions_with(world, name, "elsewhere\n") for name in ("m", "n", "model/M")] == [1, 1, 1]
    with Registry.opened(world.work) as registry:
        found = aliases.get(registry, AliasName(CollectionName.parse("model/M"), "elsewhere"))
        assert found
        assert found.place
        job_types = [run.record.job_type for run in map(partial(runs.get, registry), runs.tips(registry))]
    assert job_types.count("elsewhere") == 1


def _elsewhere_is_done(world: World) -> None:
    # one that was killed may be a crashed run's, and comes with the next
    assert min(_versions_with(world, name, "elsewhere\n") for name in ("m", "n", "model/M")) >= 1


def _push_is_done(world: World) -> None:
    assert _git(world, "for-each-ref refs/gitreg") == []
    words = {sha256(f"{word}\n".encode()): word for word in ("zero", "other", "one", "two")}
    made: dict[str, list[str]] = {"m": [], "model/M": []}
    named: dict[str, str] = {}
    with Registry.opened(world.server) as registry:
        known = versions.all_versions(registry)
        content = {
            item: words[versions.listing(registry, versions.details(registry, item)).entries[0].sha256]
            for item in known
            if str(item.name.collection) in made
        }
        for item, word in content.items():
            made[str(item.name.collection)].append(word)
        for alias in aliases.all_aliases(registry):
            version = alias.place and aliases.version_at(known, alias.place)
            assert version
            named[str(alias.name)] = content[version]
    # not by number: of two versions a server that is killed may have got the second, and the first gets a higher one
    assert [sorted(found) for found in made.values()] == [["one", "other", "two", "zero"]] * 2
    assert named == {"m:production": "zero", "m:staging": "one", "model/M:production": "one"}


def _get_is_done(world: World) -> None:
    found = {path.name: path.read_text() for path in (world.folder / "got").iterdir()}
    assert found == {f"{number}.csv": f"row {number}\n" for number in (1, 2, 3)}


_STARTED = Step("its run had started", _refs("refs/gitreg/runs", more=2))
_STORED = Step("the bytes were stored", _files("work/.dvc/cache/files/md5/*/*.dir", more=4))
_WRITTEN = Step("the Git objects were written", _objects("tag", more=7))

_GET_WITHOUT_CLONE = "gitreg get data:v0 --repo ../server.git -o ../got"
_KEPT = "kept/gitreg/repositories/*"

COMMANDS = (
    Command(
        "gitreg put",
        ("gitreg", "put", "../data", "--name", "data", "--type", "dataset", "--use", "m:v0"),
        (
            _STARTED,
            _STORED,
            _WRITTEN,
            Step("the version was there", _refs("refs/gitreg/drafts/data@v1")),
            Step("its run was finished", _finished),
        ),
        "logged data:v1",
        _put_is_done,
    ),
    Command(
        "a run that logs and finishes",
        ("python", "../script.py"),
        (
            _STARTED,
            Step("its steps were in the journal", _steps_in_journal),
            _STORED,
            _WRITTEN,
            Step("its version was there", _refs("refs/gitreg/drafts/w@v0")),
            Step("it was finished", _finished),
        ),
        "finished ",
        _run_is_done,
    ),
    Command(
        "gitreg alias set",
        ("gitreg", "alias", "set", "m:production", "v2", "--reason", "now"),
        (
            Step("the Git objects were written", _objects("commit", more=18)),
            Step("the alias had moved", _refs("refs/gitreg/aliases/m@production")),
        ),
        "-> v2",
        _alias_is_done,
    ),
    Command(
        "gitreg promote",
        ("sh", "-eu", "-c", "gitreg promote data:best v0 --branch ask && gitreg promote data:best v0 --reason now"),
        (
            Step("the Git objects were written", _objects("commit", more=18)),
            Step("the branch was there", _refs("refs/heads/ask")),
            Step("the file was there", _files("work/.gitreg/aliases/data.yaml")),
        ),
        "\n.gitreg/aliases/data.yaml\n",
        _promote_is_done,
    ),
    Command(
        "gitreg run import",
        ("gitreg", "run", "import", "../run.bundle"),
        (
            Step("the file was unpacked aside", _files("work/.git/objects/.gitreg-*.tmp/objects/pack/*.idx")),
            _STORED,
            Step("the Git objects were brought in", _objects("tag", more=7)),
            Step("the versions were there", _refs("refs/gitreg/drafts/n@v0")),
            Step("the run was there", _refs("refs/gitreg/runs", more=2)),
        ),
        "took 1 run",
        _import_is_done,
    ),
    Command(
        "a run that goes into a file, and is taken in",
        ("sh", "-eu", "../elsewhere.sh"),
        (
            Step("what the file is made from was begun", _files("new.bundle.partial/gitreg/lock")),
            Step("its versions were there", _files("new.bundle.partial/refs/gitreg/drafts/*", more=1)),
            Step("the file was written", _files("new*.bundle")),
            Step("the versions were taken in", _refs("refs/gitreg/drafts/n@v0")),
        ),
        "took 1 run",
        _elsewhere_is_done,
    ),
    Command(
        "gitreg push",
        ("gitreg", "push"),
        (
            Step("the drafts had new numbers", lambda world: not _refs("refs/gitreg/drafts/m@v1")(world)),
            Step("the bytes were on the storage", _files("storage/files/md5/*/*.dir", more=4)),
            Step("versions and runs were on the server", _refs("refs/tags/m@v3", "server.git")),
            Step("the clone had noted that", lambda world: not _refs("refs/gitreg/drafts")(world)),
            Step("the promotions were on the server", _refs("refs/gitreg/aliases/m@staging", "server.git")),
            Step("the clone had noted these too", lambda world: not _refs("refs/gitreg/aliases")(world)),
        ),
        "published m:staging -> v",
        _push_is_done,
    ),
    Command(
        "gitreg get",
        ("gitreg", "get", "data:v0", "-o", "../got"),
        (
            Step("some of the bytes were here", _files("other/.dvc/cache/files/md5/*/*", more=2)),
            Step("all bytes were here", _files("other/.dvc/cache/files/md5/*/*", more=4)),
            Step("some files were written", _files("got/*.csv")),
            Step("all files were written", _files("got/*.csv", more=2)),
        ),
        "../got\n",
        _get_is_done,
        "other",
    ),
    Command(
        "gitreg get --repo",
        ("sh", "-eu", "-c", f"XDG_CACHE_HOME=$PWD/../kept {_GET_WITHOUT_CLONE}"),
        (
            Step("there was a place to keep it", _files(f"{_KEPT}/versions.git/HEAD")),
            Step("the version was fetched", _files(f"{_KEPT}/versions.git/refs/tags/data@v0")),
            Step("some of the bytes were here", _files(f"{_KEPT}/cache/files/md5/*/*", more=1)),
            Step("some files were written", _files("got/*.csv")),
            Step("all files were written", _files("got/*.csv", more=2)),
        ),
        "../got\n",
        _get_is_done,
    ),
)


def progress(world: World, command: Command, ended: Ended) -> str:
    """How far a killed command came, in words."""
    if command.sign in ended.text:
        return "it had said that it was done"
    last = next((step.name for step in reversed(command.steps) if step.seen(world)), "")
    return f"after this: {last}" if last else "nothing was done yet"


def complete(world: World, command: Command, tally: Tally) -> None:
    """Do it again, as the user would: that alone is enough, or git's locks have to go first, as they then say."""
    again = world.run(command)
    how = "it completed by itself"
    if again.code != 0 and world.locks():
        assert ".lock" in again.text, again.text
        how = "'gitreg doctor --fix' had to remove a lock of git first"
        for lock in world.locks():
            # as after a minute
            os.utime(lock, (lock.stat().st_atime - 120, lock.stat().st_mtime - 120))
        run_shell("gitreg doctor --fix >/dev/null 2>&1", world.folder / command.clone)
        for lock in world.locks():
            assert lock.is_relative_to(world.server), lock
            how = "a lock of the server's git, which had been killed too, had to be removed there first"
            lock.unlink()
        again = world.run(command)
    assert again.code == 0, again.text
    tally.add(FAULTS, f"{command.name} again: {how}", tried=0, held=1)
    command.done(world)
    assert world.problems() == []
    assert world.twins() == []
