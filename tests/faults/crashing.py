"""A small world to kill gitreg in, and what must hold of it whenever that happened (DESIGN: invariants 1 to 4).

The world is prepared once and copied for each try, always to the same place: a version names its storage by path.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conftest import run_shell
from gitreg.errors import Error
from gitreg.records import refs as names_of_refs
from gitreg.records.names import AliasName, CollectionName
from gitreg.registry import aliases, contents, runs, versions
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Details
from helpers import fingerprint
from tally import FAULTS, Tally

if TYPE_CHECKING:
    import pytest

# Two clones of one server. `work` has drafts whose numbers `other` has published meanwhile, so that its push renumbers
# two versions, two links and a promotion. The user is in the middle of something: staged, edited, stashed, untracked.
_STORY = """
git init --quiet --bare server.git
mkdir storage data model
for n in 1 2 3; do echo "row $n" >data/$n.csv; done
echo zero >model/weights
git clone --quiet server.git work 2>/dev/null
cd work
git config remote.origin.url ../server.git
gitreg init --storage ../storage 2>/dev/null
echo 'print("training")' >train.py
git add .
git commit --quiet -m 'start the project'
git push --quiet --set-upstream origin main
gitreg put ../data --name data --type dataset 2>/dev/null
gitreg put ../model --name m --type model --use data:v0 2>/dev/null
gitreg link m:v0 model/M 2>/dev/null
gitreg alias set m:production v0 --reason 'the first' 2>/dev/null
gitreg alias set model/M:production v0 --reason 'the first link' 2>/dev/null
gitreg push 2>/dev/null
git clone --quiet ../server.git ../other
cd ../other
git config remote.origin.url ../server.git
git config user.name 'Other User'
gitreg init 2>/dev/null
gitreg fetch 2>/dev/null
echo other >../model/weights
gitreg put ../model --name m --type model 2>/dev/null
gitreg link m:v1 model/M 2>/dev/null
gitreg push 2>/dev/null
cd ../work
for n in one two; do
    echo "$n" >../model/weights
    gitreg put ../model --name m --type model --use data:v0 2>/dev/null
    gitreg link m model/M 2>/dev/null
done
gitreg alias set m:staging v1 --reason 'to be tried' 2>/dev/null
gitreg alias set model/M:production v1 --reason 'better' 2>/dev/null
echo 'x = 1' >>train.py && git stash --quiet
echo 'y = 1' >>train.py && git add train.py && echo 'z = 1' >>train.py
echo 'print("new")' >new.py
echo three >../model/weights
for n in 4 5; do echo "row $n" >../data/$n.csv; done
"""

_SCRIPT = """
import gitreg
run = gitreg.init(config={"lr": 0.1}, job_type="train")
run.use_artifact("data:v0")
for step in range(3):
    run.log({"loss": 1 / (step + 1)})
artifact = gitreg.Artifact("w", "model")
artifact.add_file("../model/weights")
run.log_artifact(artifact)
run.log({"loss": 0.01})
run.finish()
print("finished", run.id)
"""

# with it the server is no part of the process group, as on another machine
_ELSEWHERE = """
git config remote.origin.receivepack 'setsid git-receive-pack'
git config remote.origin.uploadpack 'setsid git-upload-pack'
"""


@dataclass(frozen=True)
class Step:
    """Something that a command leaves on the way, and how one sees that it has."""

    name: str
    seen: Callable[[World], bool]


@dataclass(frozen=True)
class Command:
    """A command to be killed.

    Attributes:
        name, argv: for people; for the system.
        steps: what it leaves, in order.
        sign: what it prints when it has done its work.
        done: what its work is; asserts.
        clone: where it is run.
    """

    name: str
    argv: tuple[str, ...]
    steps: tuple[Step, ...]
    sign: str
    done: Callable[[World], None]
    clone: str = "work"


@dataclass(frozen=True)
class Ended:
    """A process that has ended, by itself or not, and all its children with it."""

    code: int
    text: str


class World:
    """The folder in which a try happens."""

    def __init__(self, base: Path) -> None:
        self.folder = base / "world"
        self._prepared = base / "prepared"
        self.folder.mkdir(parents=True)
        run_shell(_STORY, self.folder)
        (self.folder / "script.py").write_text(_SCRIPT)
        for clone in ("work", "other") if shutil.which("setsid") else ():
            run_shell(_ELSEWHERE, self.folder / clone)
        self.folder.rename(self._prepared)
        self.restore()
        self._user = {clone: self._of_the_user(clone) for clone in ("work", "other")}
        self._acknowledged = self._everything()
        assert self.problems() == []

    @property
    def work(self) -> Path:
        """The clone with drafts."""
        return self.folder / "work"

    @property
    def server(self) -> Path:
        """The bare repository."""
        return self.folder / "server.git"

    def restore(self) -> None:
        """Make everything as it was prepared."""
        if self.folder.exists():
            shutil.rmtree(self.folder)
        subprocess.run(["cp", "-a", self._prepared, self.folder], check=True)

    def start(self, command: Command, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """The command as a process group of its own."""
        return subprocess.Popen(
            command.argv,
            cwd=self.folder / command.clone,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def end(self, process: subprocess.Popen[bytes]) -> Ended:
        """Wait for the process and for everything that it has left behind."""
        text = process.communicate()[0].decode()
        while self._alive(process.pid):
            os.sched_yield()
        return Ended(process.returncode, text)

    def run(self, command: Command) -> Ended:
        """Run the command, undisturbed."""
        return self.end(self.start(command))

    def kill_after(self, process: subprocess.Popen[bytes], seconds: float, *, group: bool) -> Ended:
        """End the process as `kill -9` does, with its children or without, unless it has ended before."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return self.end(process)
        (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
        return self.end(process)

    def _alive(self, group: int) -> bool:
        """Whether a process of the group, or of git at work on the server, still runs."""
        listed = subprocess.run(["ps", "-A", "-ww", "-o", "pgid=,stat=,args="], capture_output=True, check=True)
        for line in listed.stdout.decode("utf-8", "replace").splitlines():
            found, state, command = line.split(maxsplit=2)
            if not state.startswith("Z") and (int(found) == group or f"'{self.folder}" in command):
                return True
        return False

    def locks(self) -> list[Path]:
        """Git's lock files, which a killed git leaves."""
        return [path for clone in ("work/.git", "other/.git", "server.git") for path in _locks(self.folder / clone)]

    # ---- what must hold

    def problems(self) -> list[str]:
        """What does not hold, in words; empty when everything does."""
        found = [
            f"{clone}: {name} of the user's is not as it was"
            for clone, before in self._user.items()
            for name in {key for key, _ in before.items() ^ self._of_the_user(clone).items()}
        ]
        for place in ("work", "other", "server.git"):
            fsck = subprocess.run(
                ["git", "fsck", "--strict", "--no-dangling"], cwd=self.folder / place, capture_output=True, check=False
            )
            if fsck.returncode or fsck.stdout or fsck.stderr.strip():
                found.append(f"{place}: git fsck: {(fsck.stdout + fsck.stderr).decode()}")
            try:
                found += [f"{place}: {problem}" for problem in self._wrong_in(self.folder / place)]
            except Error as error:
                found.append(f"{place}: {error}")
        lost = self._acknowledged - self._everything()
        return found + [f"lost: {' '.join(item)}" for item in sorted(lost)]

    def _of_the_user(self, clone: str) -> dict[str, str]:
        ours = re.compile(r"refs/tags/.*@v\d+|refs/remotes/")
        return {key: value for key, value in fingerprint(self.folder / clone).items() if not ours.match(key)}

    def _wrong_in(self, place: Path) -> list[str]:
        found: list[str] = []
        with Registry.opened(place) as registry:
            known = versions.all_versions(registry)
            for version in known:
                details = versions.details(registry, version)
                there = self.folder / "storage" if version.published else place / ".dvc" / "cache"
                lacking = _lacking(registry, details, there)
                found += [f"{version} lacks {md5} in {there.name}" for md5 in lacking]
            for tip, _ in runs.tips(registry).values():
                run = runs.chain(registry, tip)
                if run and not run.complete:
                    found.append(f"run '{run.record.id}' is cut")
            for ref in registry.refs.find(*(f"{base}aliases/" for base in registry.bases())):
                name = names_of_refs.parse_alias(ref.name)
                assert name
                list(aliases.moves(registry, name, ref.target))
                # what it names is a version, whatever its number is now
                alias = aliases.get(registry, name)
                if alias and alias.place and not aliases.version_at(known, alias.place):
                    found.append(f"alias '{name}' names {alias.place.commit}, which is no version")
        return found

    def twins(self) -> list[str]:
        """Versions that have two numbers. A killed renumbering may leave some; the next publishing ends that."""
        found = []
        for place in ("work", "other", "server.git"):
            with Registry.opened(self.folder / place) as registry:
                names = {(version.name, version.commit) for version in versions.all_versions(registry)}
            counted = Counter((name.collection, commit) for name, commit in names)
            found += [f"{place}: {item}" for item, count in counted.items() if count > 1]
        return found

    def _everything(self) -> set[tuple[str, ...]]:
        """All that somebody was told to be kept: versions by commit, moves by what they say, runs by their length."""
        found: set[tuple[str, ...]] = set()
        for place in ("work", "other", "server.git"):
            with Registry.opened(self.folder / place) as registry:
                for version in versions.all_versions(registry):
                    found.add((place, "version", str(version.name.collection), str(version.commit)))
                for alias in aliases.all_aliases(registry):
                    for move in aliases.history(registry, alias.name):
                        now = str(move.record.now.commit) if move.record.now else ""
                        found.add((place, "move", str(alias.name), now, move.record.reason))
                for run_id, (tip, _) in runs.tips(registry).items():
                    run = runs.chain(registry, tip)
                    if run and run.record.id == run_id:
                        found |= {(place, "commit of a run", str(commit.oid)) for commit in run.commits}
        return found


def _lacking(registry: Registry, details: Details, directory: Path) -> list[str]:
    """The objects of a version that are not in a cache, or not with the bytes that were logged."""
    sums = {entry.md5: entry.sha256 for entry in versions.listing(registry, details)}
    found = []
    for md5 in contents.needed(registry, details):
        place = directory / "files" / "md5" / md5[:2] / md5[2:]
        data = place.read_bytes() if place.exists() else b""
        name = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if name != md5.removesuffix(".dir") or hashlib.sha256(data).hexdigest() != sums.get(md5, _sha256(data)):
            found.append(md5)
    return found


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _locks(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.lock"))


# ---- what one sees of a command's progress, and of its end


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
    return sum(_sha256(content.encode()) in [entry.sha256 for entry in listing] for listing in listings)


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


def _push_is_done(world: World) -> None:
    assert _git(world, "for-each-ref refs/gitreg") == []
    words = {_sha256(f"{word}\n".encode()): word for word in ("zero", "other", "one", "two")}
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
    # the rest of a file that a killed command was writing stays beside the others
    got = [path for path in (world.folder / "got").iterdir() if not path.name.startswith(".gitreg-")]
    found = {path.name: path.read_text() for path in got}
    assert found == {f"{number}.csv": f"row {number}\n" for number in (1, 2, 3)}


_STARTED = Step("its run had started", _refs("refs/gitreg/runs", more=2))
_STORED = Step("the bytes were stored", _files("work/.dvc/cache/files/md5/*/*.dir", more=4))
_WRITTEN = Step("the Git objects were written", _objects("tag", more=7))

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


_PREPARED: list[World] = []


def prepared(factory: pytest.TempPathFactory) -> World:
    """The world as it was prepared; once a worker."""
    if not _PREPARED:
        _PREPARED.append(World(factory.mktemp("crashing")))
    _PREPARED[0].restore()
    return _PREPARED[0]
