"""A clone to damage by plain git plumbing or by editing bytes, and what a kind of damage must be found to be."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conftest import run_shell, sealed_environment
from gitreg.health.findings import Finding
from gitreg.health.fsck import Report, fsck
from gitreg.registry.repository import Registry

if TYPE_CHECKING:
    import pytest

STORY = """
git init --quiet --bare server.git
mkdir storage
git clone --quiet server.git work 2>/dev/null
cd work
gitreg init --storage ../storage 2>/dev/null
echo 'print("training")' >train.py
git add . && git commit --quiet -m 'start the project' && git push --quiet --set-upstream origin main
mkdir -p ../data/sub
echo 'one' >../data/a.txt && echo 'two' >../data/sub/b.txt
gitreg put ../data --name digits --type dataset
echo 'weights one' >../model.bin
gitreg run --name train-1 --use digits:latest -- gitreg put ../model.bin --name mnist --type model
gitreg link mnist:v0 model/Digits
gitreg alias set model/Digits:production v0 --reason 'the first'
gitreg push
echo 'weights two' >../model.bin
gitreg run --name train-2 --use digits:latest -- gitreg put ../model.bin --name mnist --type model
gitreg alias set mnist:candidate v0
"""
"""digits:v0, mnist:v0, model/Digits:v0 and its alias production are published; mnist:v1 and mnist:candidate are not."""

DRAFT = "refs/gitreg/drafts/mnist@v1"
PRODUCTION = "refs/gitreg-remotes/origin/aliases/model/Digits@production"
Edit = Callable[[str], str]


def same(text: str) -> str:
    return text


def each(*damages: Callable[[Ground], object]) -> Callable[[Ground], None]:
    """Damage in several ways."""

    def all_of_them(ground: Ground) -> None:
        for damage in damages:
            damage(ground)

    return all_of_them


def exchange(old: str, new: str) -> Edit:
    """Put `new` for `old`, which must be there."""

    def edit(text: str) -> str:
        assert old in text, (old, text)
        return text.replace(old, new, 1)

    return edit


@dataclass(frozen=True)
class Ground:
    """The clone `work` of the story, beside `server.git` and `storage`."""

    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def server(self) -> Path:
        return self.folder / "server.git"

    def sh(self, script: str) -> str:
        return run_shell(script, self.work)

    def git(self, line: str) -> str:
        return self.sh(f"git {line}").removesuffix("\n")

    def fsck(self, *collections: str, remote: bool = False) -> Report:
        with Registry.opened(self.work) as registry:
            return fsck(registry, collections, remote=remote)

    def findings(self, *, remote: bool = False) -> list[Finding]:
        return list(self.fsck(remote=remote).findings)

    def read(self, revision: str) -> str:
        """The text of an object."""
        return self.git(f"cat-file -p '{revision}'") + "\n"

    def raw(self, kind: str, revision: str) -> str:
        """The text of a commit or tag, whatever it is called."""
        done = subprocess.run(
            ["git", "cat-file", kind, revision], cwd=self.work, check=True, capture_output=True, text=True
        )
        return done.stdout

    def write(self, kind: str, text: str | bytes) -> str:
        """Write an object, whether or not git likes it."""
        data = text.encode() if isinstance(text, str) else text
        command = ["git", "hash-object", "-t", kind, "-w", "--stdin", "--literally"]
        done = subprocess.run(command, cwd=self.work, check=True, capture_output=True, input=data)
        return done.stdout.decode().strip()

    @property
    def run(self) -> str:
        """The id of the run that is not published."""
        return self.git("for-each-ref --format='%(refname)' refs/gitreg/runs").rpartition("/")[2]

    @property
    def run_ref(self) -> str:
        return f"refs/gitreg/runs/{self.run[:2]}/{self.run}"

    @property
    def published_run(self) -> str:
        """The ref of the run that made mnist:v0."""
        refs = self.git("for-each-ref --format='%(refname)' refs/gitreg-remotes/origin/runs").split()
        return next(ref for ref in refs if "name: train-1" in self.raw("commit", ref))

    def remake(self, *, commit: Edit = same, last: Edit = same, tag: Edit = same) -> None:
        """Write mnist:v1's commit, its run's last commit, and its tag anew, with their texts changed."""
        old = self.git(f"rev-parse {DRAFT}^0")
        new = self.write("commit", commit(self.raw("commit", old)))
        tip = self.write("commit", last(self.raw("commit", self.run_ref)).replace(old, new))
        version = self.write("tag", tag(self.raw("tag", DRAFT)).replace(old, new))
        self.git(f"update-ref {DRAFT} {version}")
        self.git(f"update-ref {self.run_ref} {tip}")

    def remake_tree(self, script: str) -> None:
        """Change the tree of mnist:v1 in an index of its own, with `put PATH` from standard input at hand."""
        put = 'put() { git update-index --add --cacheinfo "${2:-100644},$(git hash-object -w --stdin),$1"; }'
        index = self.folder / "index"
        read = f"export GIT_INDEX_FILE='{index}'; git read-tree '{DRAFT}^0'; show() {{ git show '{DRAFT}^0':$1; }}"
        tree = self.sh(f"{put}; {read}; {script}\ngit write-tree").split()[-1]
        old = self.git(f"rev-parse '{DRAFT}^{{tree}}'")
        self.remake(commit=exchange(f"tree {old}", f"tree {tree}"))

    def promote(self, text: Edit) -> None:
        """Write the newest commit of mnist:candidate anew, with its text changed."""
        ref = "refs/gitreg/aliases/mnist@candidate"
        self.git(f"update-ref {ref} {self.write('commit', text(self.raw('commit', ref)))}")

    def md5(self, revision: str, path: str) -> str:
        """The DVC name of a file of a version."""
        name = revision.partition("@")[0].rpartition("/")[2]
        lines = self.git(f"show '{revision}:artifacts/{name}.files'").splitlines()
        return next(line.split("  ")[0] for line in lines if line.endswith(f"  {path}"))

    def cached(self, md5: str) -> Path:
        return self.work / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]

    def stored(self, md5: str) -> Path:
        return self.folder / "storage" / "files" / "md5" / md5[:2] / md5[2:]

    def loose(self, revision: str) -> Path:
        """The file of an object that is not packed."""
        oid = self.git(f"rev-parse --verify '{revision}'")
        return self.work / ".git" / "objects" / oid[:2] / oid[2:]


def flip(path: Path) -> None:
    """Change one byte in the middle of a file; size, mode and time stay."""
    before = path.stat()
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(before.st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    path.chmod(before.st_mode & 0o777)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


@contextmanager
def told(factory: pytest.TempPathFactory) -> Iterator[Callable[[], Ground]]:
    """Tell the story once; each call puts it back as it was, at the same place, hard links included."""
    folder = factory.mktemp("ground")
    pristine = factory.mktemp("pristine")
    run_shell(STORY, folder, sealed_environment(factory.mktemp("ground-home")))
    run_shell(f"cp -a . '{pristine}'", folder)

    def fresh() -> Ground:
        run_shell(
            f"cd '{folder}' && rm -rf work server.git storage data model.bin index && cp -a '{pristine}'/. .", folder
        )
        return Ground(folder)

    yield fresh


Damage = Callable[[Ground], object]
Script = Callable[[Ground, Finding], str]


@dataclass(frozen=True)
class Expected:
    """A finding: its severity and subject, and words of its problem and remedy."""

    severity: str
    subject: str
    problem: str
    remedy: str


@dataclass(frozen=True)
class Case:
    """One kind of damage.

    Attributes:
        words: what was done, for the table.
        damage: does it.
        findings: all of them, in order.
        remote: True when only `--remote` can see it.
        mend: what the first finding's remedy comes to as a script; nothing is found after it.
    """

    words: str
    damage: Damage
    findings: tuple[Expected, ...]
    remote: bool = False
    mend: Script | None = None


def verbatim(_: Ground, finding: Finding) -> str:
    """The remedy is a command."""
    return finding.remedy


def first_command(then: str) -> Script:
    """The remedy is a command, then words that come to `then`."""
    return lambda _, finding: f"{finding.remedy.partition(', then ')[0]}\n{then}"


def after(words: str) -> Script:
    """The command of the remedy that follows these words."""

    def command(_: Ground, finding: Finding) -> str:
        assert words in finding.remedy, finding.remedy
        return finding.remedy.partition(words)[2]

    return command


def error(subject: str, problem: str, remedy: str) -> Expected:
    return Expected("error", subject, problem, remedy)


def warning(subject: str, problem: str, remedy: str) -> Expected:
    return Expected("warning", subject, problem, remedy)


def note(subject: str, problem: str, remedy: str) -> Expected:
    return Expected("note", subject, problem, remedy)


def check(ground: Ground, case: Case) -> None:
    """Damage, look, and mend."""
    case.damage(ground)
    found = ground.findings(remote=case.remote)
    shown = [(item.severity, item.subject, item.problem, item.remedy) for item in found]
    assert len(found) == len(case.findings), shown
    for item, expected in zip(found, case.findings, strict=True):
        assert item.severity == expected.severity, shown
        assert item.subject.startswith(expected.subject), shown
        assert expected.problem in item.problem, shown
        assert expected.remedy in item.remedy, shown
    if case.mend:
        ground.sh(case.mend(ground, found[0]))
        assert ground.findings(remote=case.remote) == []
