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
from typing import TYPE_CHECKING, TypeVar

from conftest import run_shell
from gitreg.errors import Error
from gitreg.records import refs as names_of_refs
from gitreg.registry import aliases, contents, runs, versions
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Details
from helpers import fingerprint

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
mkdir ../node && cd ../node && echo 'print("elsewhere")' >train.py
GITREG_BUNDLE=../run.bundle python -c "$ELSEWHERE"
cd ../work
echo 'x = 1' >>train.py && git stash --quiet
echo 'y = 1' >>train.py && git add train.py && echo 'z = 1' >>train.py
echo 'print("new")' >new.py
echo three >../model/weights
for n in 4 5; do echo "row $n" >../data/$n.csv; done
"""

# It runs where there is no repository, and goes into a file.
_BUNDLED = """
import gitreg, pathlib
with gitreg.init(job_type="elsewhere") as run:
    run.log({"loss": 0.5})
    pathlib.Path("weights").write_text("elsewhere\\n")
    run.link_model("weights", "M", name="m", aliases=["elsewhere"])
    run.log_artifact("weights", name="n", type="dataset")
"""

_ELSEWHERE_AND_HOME = """
(cd ../node && GITREG_BUNDLE=../new.bundle python ../bundled.py)
gitreg run import ../new*.bundle
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
        run_shell(_STORY, self.folder, {"ELSEWHERE": _BUNDLED})
        (self.folder / "script.py").write_text(_SCRIPT)
        (self.folder / "bundled.py").write_text(_BUNDLED)
        (self.folder / "elsewhere.sh").write_text(_ELSEWHERE_AND_HOME)
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

    def goes_on(self, story: str) -> None:
        """Let more happen in `work` before each try; what that makes is not counted among what must stay."""
        run_shell(story, self.work)
        shutil.rmtree(self._prepared)
        self.folder.rename(self._prepared)
        self.restore()

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
        # and what a request for a move writes
        ours = re.compile(r"refs/tags/.*@v\d+|refs/remotes/|refs/heads/ask\Z|(file|folder) \.gitreg\b")
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
        if name != md5.removesuffix(".dir") or hashlib.sha256(data).hexdigest() != sums.get(md5, sha256(data)):
            found.append(md5)
    return found


def sha256(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _locks(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.lock"))


_PREPARED: dict[type[World], World] = {}
W = TypeVar("W", bound=World)


def prepared(factory: pytest.TempPathFactory, kind: type[W]) -> W:
    """The world of that kind as it was prepared; once a worker."""
    if kind not in _PREPARED:
        _PREPARED[kind] = kind(factory.mktemp("crashing"))
    world = _PREPARED[kind]
    assert isinstance(world, kind)
    world.restore()
    return world
