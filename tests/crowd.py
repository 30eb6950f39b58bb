"""Repositories with thousands of versions and runs, in seconds: whole objects in one pack, and packed refs.

What is in them is what gitreg writes, but for the bytes: all versions of a collection name the same ones, which are
nowhere.
"""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

from gitreg.git.objects import Batch, pack_of
from gitreg.records import refs as names_of_refs
from gitreg.records.listing import FileEntry, Listing
from gitreg.records.names import CollectionName, RunId, VersionName, VersionNumber
from gitreg.records.objects import Commit, Identity, Oid, Tag
from gitreg.records.pointer import Pointer
from gitreg.records.records import ARTIFACT, RUN, VERSION, ArtifactRecord, Code, RunRecord, Use, VersionRecord
from gitreg.records.trailers import compose

# the time that the tests live in (conftest.CLOCK); each run began this long before the next
_LAST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
_STEP = timedelta(minutes=7)
_LISTING = Listing.of(
    [
        FileEntry("model.bin", 1_000_000, "0" * 32, "0" * 64),
        FileEntry("vocabulary.txt", 12_345, "1" * 32, "1" * 64),
    ]
)


def crowd(repo: Path, *, versions: int, collections: int = 1, remote: str = "") -> None:
    """Add a dataset, and runs that used it and made a version each: so many in each of so many collections.

    The collection is `model`, or `model_0000` and so on. The newest run ended at the time that the tests live in.
    With a `remote` the runs are published there, as far as this clone knows.
    """
    base = names_of_refs.tracking(remote) if remote else names_of_refs.PENDING
    made = _Crowd(Oid.parse(_git(repo, "rev-parse", "HEAD").strip()), base)
    total = versions * collections
    data = made.add("data", "dataset", 0, _LAST - _STEP * total, None)
    for number in range(total):
        collection, place = divmod(number, versions)
        name = "model" if collections == 1 else f"model_{collection:04}"
        made.add(name, "model", place, _LAST - _STEP * (total - 1 - number), data)
    made.write(repo)


class _Crowd:
    def __init__(self, code: Oid, base: str) -> None:
        self._code = code
        self._base = base
        self._batch = Batch()
        self._refs: dict[str, tuple[Oid, Oid | None]] = {}
        self._runs = 0
        self._trees: dict[str, Oid] = {}
        self._nothing = self._batch.add_tree({})

    def add(self, name: str, type: str, number: int, ended: datetime, data: Use | None) -> Use:
        """One run and its version."""
        number_of_run, self._runs = self._runs, self._runs + 1
        version = VersionName(CollectionName.parse(name), VersionNumber(number))
        if name not in self._trees:
            pointer = Pointer(name, _LISTING.pointer_md5, _LISTING.size, len(_LISTING)).encode()
            files = {".dvc": pointer, ".sha256": _LISTING.manifest, ".files": _LISTING.files_text}
            self._trees[name] = self._batch.add_tree({f"artifacts/{name}{end}": text for end, text in files.items()})
        record = RunRecord(
            id=RunId(f"run{number_of_run:05}"),
            name=f"{('quiet', 'vague', 'sunny')[number_of_run % 3]}-river-{number_of_run}",
            code=Code(self._code, snapshot=False),
            job_type="load" if data is None else "train",
            project="digits",
            started=_rfc3339(ended - _STEP * 0.7),
            config={"lr": 0.1 / (1 + number_of_run % 10), "layers": [64, 64], "optimizer": "adam"} if data else {},
            inputs=(data,) if data else (),
        )
        artifact = ArtifactRecord(
            collection=version.collection,
            type=type,
            digest=_LISTING.digest,
            size=_LISTING.size,
            files=len(_LISTING),
            pointer=_LISTING.pointer_md5,
            manifest=_LISTING.manifest_sha256,
            metadata={"framework": "numpy"} if data else {},
        )
        by = Identity(f"Test User <test@example.org> {int(ended.timestamp())} +0000")
        message = compose(f"log {name}", {RUN: record.document(), ARTIFACT: artifact.document()})
        commit = self._batch.add(
            "commit", Commit(self._trees[name], record.parents(self._code), by, by, message).encode()
        )
        state = "failed" if number_of_run % 10 == 9 else "finished"
        accuracy = round(0.5 + (number_of_run * 37 % 480) / 1000, 4)
        last = RunRecord.parse(
            {
                **record.document(),
                "state": state,
                "ended": _rfc3339(ended),
                "inputs": [],
                "summary": {"_step": 4, "accuracy": accuracy, "val_loss": round(1.2 - accuracy, 4)} if data else {},
            }
        )
        message = compose(f"finish {last.name}", {RUN: last.document()})
        tip = self._batch.add("commit", Commit(self._nothing, (commit,), by, by, message).encode())
        told = VersionRecord(
            version, type, artifact.digest, artifact.size, artifact.files, artifact.manifest, record.id
        )
        message = compose(str(version), {VERSION: told.document()})
        tag = self._batch.add("tag", Tag(commit, version.tag, by, message).encode())
        self._refs[names_of_refs.version_tag(version)] = (tag, commit)
        self._refs[names_of_refs.run(record.id, self._base)] = (tip, None)
        return Use(version, commit, artifact.digest)

    def write(self, repo: Path) -> None:
        """Write everything, with all refs packed."""
        _git(repo, "index-pack", "--stdin", stdin=pack_of(self._batch.objects))
        for line in _git(repo, "for-each-ref", "--format=%(refname) %(objectname) %(*objectname)").splitlines():
            name, oid, target = line.split(" ")
            self._refs[name] = (Oid.parse(oid), Oid.parse(target) if target else None)
        lines = ["# pack-refs with: peeled fully-peeled sorted \n"]
        for name, (found, peeled) in sorted(self._refs.items()):
            lines.append(f"{found} {name}\n" + (f"^{peeled}\n" if peeled else ""))
        (repo / ".git" / "packed-refs").write_text("".join(lines))
        _git(repo, "pack-refs", "--all")


def _rfc3339(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _git(repo: Path, *arguments: str, stdin: bytes = b"") -> str:
    return subprocess.run(["git", *arguments], cwd=repo, check=True, capture_output=True, input=stdin).stdout.decode()
