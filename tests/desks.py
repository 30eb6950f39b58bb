"""Repositories to keep models in: one alone, and two clones with a server and a storage between them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from conftest import Shell
from gitreg.git.runner import Git
from gitreg.records.names import AliasName, CollectionName, Reference
from gitreg.records.objects import Oid
from gitreg.records.records import Code, RunRecord
from gitreg.registry import aliases, links, resolve, setup, versions
from gitreg.registry.aliases import Alias
from gitreg.registry.draft import Draft
from gitreg.registry.fetch import Fetched, fetch
from gitreg.registry.live import LiveRun
from gitreg.registry.publish import Report, publish
from gitreg.registry.repository import Registry
from gitreg.registry.start import new_id
from gitreg.registry.versions import Details, Version

Files = Mapping[str, str | bytes]


def alias_name(reference: str) -> AliasName:
    collection, _, alias = reference.rpartition(":")
    return AliasName(CollectionName.parse(collection), alias)


class Desk:
    """A clone with somebody working in it."""

    def __init__(self, path: Path, shell: Shell, who: str = "Test User") -> None:
        self.path = path
        self._shell = shell
        self._who = who
        self._count = itertools.count()
        self.registry = Registry(Git.discover(path))

    def reopen(self) -> Registry:
        """As the next command finds it: nothing of the last one's is remembered."""
        self.registry.close()
        self.registry = Registry(Git.discover(self.path))
        return self.registry

    def sh(self, script: str) -> str:
        return self._shell(script, cwd=self.path)

    def git(self, line: str) -> str:
        return self.sh(f"git {line}").removesuffix("\n")

    def oid(self, revision: str) -> Oid:
        return Oid.parse(self.git(f"rev-parse --verify '{revision}'"))

    def start(self, name: str = "quiet-river-1", code: Code | None = None) -> LiveRun:
        code = code or Code(self.oid("HEAD"), snapshot=False)
        record = RunRecord(id=new_id(), name=name, code=code, started="2026-01-02T03:04:05Z")
        return LiveRun.start(self.registry, record)

    def draft(self, name: str, files: Files | str, type: str = "model") -> Draft:
        folder = self.path / ".git" / "made" / str(next(self._count))
        paths = {}
        for path, content in ({"data.txt": files} if isinstance(files, str) else files).items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)
            paths[path] = place
        return Draft(CollectionName.parse(name), type, paths)

    def log(self, name: str, files: Files | str, type: str = "model", use: list[Version] | None = None) -> Version:
        """One run that uses versions and makes one."""
        run = self.start(f"run-of-{self._who.split(maxsplit=1)[0].lower()}")
        try:
            for version in use or []:
                run.use(version)
            found, _ = run.log_artifact(self.draft(name, files, type))
        except BaseException:
            run.finish("failed")
            raise
        run.finish("finished")
        return found

    def link(self, version: Version, target: str) -> Version:
        return links.link(self.registry, version, CollectionName.parse(target))[0]

    def promote(self, reference: str, version: str | None, reason: str = "", expected: Oid | None = None) -> bool:
        """Whether the alias has moved."""
        name = alias_name(reference)
        found = self.version(f"{name.collection}:{version}") if version else None
        return aliases.move(self.registry, name, found, reason=reason, expected=expected)[1]

    def moves(self, reference: str) -> list[str]:
        """The subjects of an alias's moves, the newest first."""
        return [move.record.subject for move in aliases.history(self.registry, alias_name(reference))]

    def alias(self, reference: str) -> Alias | None:
        return aliases.get(self.registry, alias_name(reference))

    def place(self, reference: str) -> str:
        """The version that an alias names, as it is written; '' for none."""
        found = self.alias(reference)
        return str(found.place.version) if found and found.place else ""

    def version(self, reference: str) -> Version:
        return resolve.version(self.registry, Reference.parse(reference))

    def details(self, reference: str) -> Details:
        return versions.details(self.registry, self.version(reference))

    def all(self) -> list[str]:
        return [str(version) for version in versions.all_versions(self.registry)]

    def publish(self, leave: frozenset[str] = frozenset()) -> Report:
        return publish(self.reopen(), leave=leave)

    def fetch(self) -> Fetched:
        return fetch(self.reopen())

    def refs(self, *patterns: str) -> list[str]:
        return self.git(f"for-each-ref --format='%(refname)' {' '.join(patterns)}").split()


class World:
    """A server, a storage, and clones."""

    def __init__(self, path: Path, shell: Shell) -> None:
        self.server = path / "server.git"
        self.storage = path / "storage"
        self.storage.mkdir()
        self._path = path
        self._shell = shell
        self._desks: list[Desk] = []

    def clone(self, name: str, options: str = "") -> Desk:
        self._shell(f"git clone --quiet {options} file://{self.server} {name}", cwd=self._path)
        path = self._path / name
        self._shell(f"git config user.name '{name.title()} Example'", cwd=path)
        desk = Desk(path, self._shell, name)
        setup.init(desk.registry)
        # `git push` by itself is somebody else's story
        (path / ".git" / "hooks" / "pre-push").unlink()
        self._desks.append(desk)
        return desk

    def on_server(self, script: str) -> str:
        return self._shell(script, cwd=self.server)

    def published(self) -> list[str]:
        return self.on_server("git for-each-ref --format='%(refname)' refs/tags refs/gitreg").split()

    def hook(self, name: str, body: str) -> None:
        file = self.server / "hooks" / name
        file.write_text(f"#!/bin/sh\n{body}\n")
        file.chmod(0o755)

    def close(self) -> None:
        for desk in self._desks:
            desk.registry.close()


@pytest.fixture
def desk(repo: Path, sh: Shell) -> Iterator[Desk]:
    """A repository without a remote."""
    found = Desk(repo, sh)
    yield found
    found.registry.close()


@pytest.fixture
def three(desk: Desk) -> Desk:
    """The same with m:v0, m:v1 and m:v2."""
    for content in ("zero", "one", "two"):
        desk.log("m", content)
    return desk


@pytest.fixture
def world(repo: Path, tmp_path: Path, sh: Shell) -> Iterator[World]:
    """A server and a storage, whose clones know the storage."""
    found = World(tmp_path, sh)
    config = f"""[core]\n    remote = storage\n['remote "storage"']\n    url = {found.storage}\n"""
    (repo / ".dvc" / "config").write_text(config)
    sh(
        "git init --quiet --bare ../server.git && git commit --quiet -am storage &&"
        " git push --quiet ../server.git main",
        repo,
    )
    yield found
    found.close()


@pytest.fixture
def ada(world: World) -> Desk:
    """A clone."""
    return world.clone("ada")


@pytest.fixture
def bob(world: World) -> Desk:
    """Another clone."""
    return world.clone("bob")
