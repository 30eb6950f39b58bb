"""A server whose guard is asked, and what somebody could push to it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from desks import Desk, World, alias_name
from gitreg.git.objects import Batch
from gitreg.git.runner import Git
from gitreg.promotion import guard
from gitreg.promotion.guard import MAX_READ, BoundedObjects, Refusal, Update
from gitreg.promotion.wanted import FOLDER
from gitreg.records import refs as names
from gitreg.records.behind import NOBODY, By, Merged
from gitreg.records.objects import ZERO, Oid
from gitreg.registry import aliases
from gitreg.registry.repository import Registry

POLICY = "aliases:\n  production: {protected: true}\n"
MAIN = "refs/heads/main"


class Door:
    """The guard of a server, which sees all objects of one clone as if they were being pushed."""

    def __init__(self, world: World, desk: Desk) -> None:
        self.world = world
        self.desk = desk
        (world.server / "objects" / "info" / "alternates").write_text(f"{desk.path}/.git/objects\n")

    def refuses(self, *pushed: tuple[str, Oid | None], most: int = MAX_READ) -> list[Refusal]:
        """What the guard says to a push of these refs, each with what it would point at, None for nothing."""
        registry = Registry(Git.discover(self.world.server))
        registry.objects = BoundedObjects(registry.git, most)
        try:
            updates = [Update(registry.objects.at(ref) or ZERO, new or ZERO, ref) for ref, new in pushed]
            return list(guard.refusals(registry, updates))
        finally:
            registry.close()

    def words(self, *pushed: tuple[str, Oid | None]) -> list[str]:
        return [refusal.words for refusal in self.refuses(*pushed)]

    def one(self, ref: str, new: Oid | None) -> str:
        """Why one ref is refused, '' when it is not."""
        return "; ".join(self.words((ref, new)))

    def take(self, ref: str, new: Oid) -> None:
        """Let the server have a ref, whatever its guard would say, and the clone know that."""
        self.world.on_server(f"git update-ref '{ref}' {new}")
        self.desk.fetch()

    def merges(self, text: str, collection: str = "m") -> Oid:
        """A commit of the default branch in which the file of a collection says this; '' takes the file away."""
        file = self.desk.path / FOLDER / f"{collection}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text) if text else file.unlink()
        return self.commits()

    def policy(self, text: str = POLICY) -> Oid:
        file = self.desk.path / ".gitreg" / "policy.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return self.commits()

    def commits(self) -> Oid:
        self.desk.sh("git add .gitreg && git commit --quiet -m more && git push --quiet --no-verify origin HEAD:main")
        return self.desk.oid("HEAD")

    def move(self, reference: str, version: str | None, merged: Oid | None = None, after: Oid | None = None) -> Oid:
        """A promotion on top of the published ones, or of `after`; nothing refers to it yet."""
        registry, name = self.desk.reopen(), alias_name(reference)
        by = By(merged=Merged(merged)) if merged else NOBODY
        place = self.desk.version(f"{name.collection}:{version}").place if version else None
        there = registry.refs.get(names.alias(name, registry.tracking))
        tip = after or (there.target if there else None)
        newest = next(aliases.moves(registry, name, tip), None) if tip else None
        batch = Batch()
        end = aliases.Link(newest.oid, newest.record.seq, newest.record.now) if newest else None
        end = end or aliases.end_of(registry, name, None, batch)
        oid = aliases.append(registry, batch, name, end, place, reason="why not", by=by)
        registry.objects.write(batch.objects)
        return oid

    def adopts(self, reference: str, version: str) -> Oid:
        """The record that somebody moved the alias to this version by hand."""
        registry, name = self.desk.reopen(), alias_name(reference)
        newest = aliases.history(registry, name)[0]
        end = aliases.Link(newest.oid, newest.record.seq, newest.record.now)
        batch = Batch()
        place = self.desk.version(f"{name.collection}:{version}").place
        oid = aliases.append(registry, batch, name, end, place, action="adopt", reason="moved by hand")
        registry.objects.write(batch.objects)
        return oid

    def rewritten(self, revision: str, change: Callable[[str], str]) -> Oid:
        """An object like another, but for what `change` does to its text."""
        kind = self.desk.git(f"cat-file -t '{revision}'")
        text = change(self.desk.sh(f"git cat-file {kind} '{revision}'"))
        return self.written(kind, text.encode())

    def replaced(self, revision: str, old: object, new: object) -> Oid:
        """An object like another with one text in place of another."""
        return self.rewritten(str(revision), lambda text: text.replace(str(old), str(new)))

    def written(self, kind: str, data: bytes) -> Oid:
        command = ["git", "hash-object", "-t", kind, "-w", "--stdin", "--literally"]
        done = subprocess.run(command, cwd=self.desk.path, input=data, capture_output=True, check=True)
        return Oid.parse(done.stdout.decode().strip())
