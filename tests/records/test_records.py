from __future__ import annotations

import copy
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gitreg.errors import NewerSchemaError, RecordError
from gitreg.git.objects import Objects
from gitreg.git.runner import Git
from gitreg.records import yamlio
from gitreg.records.behind import By, Evidence, Merged, Person
from gitreg.records.cards import COLLECTION, CollectionRecord
from gitreg.records.names import AliasName, CollectionName, RunId, VersionName, VersionNumber
from gitreg.records.objects import Commit, Oid, Tag, hash_object
from gitreg.records.records import (
    ALIAS,
    ARTIFACT,
    RUN,
    VERSION,
    AliasRecord,
    ArtifactRecord,
    Code,
    Place,
    RunRecord,
    Use,
    VersionRecord,
    alias_root_message,
)
from gitreg.records.trailers import Message

MAKE = Path(__file__).parent.parent / "golden" / "make.sh"
KINDS: dict[str, Any] = {
    RUN: RunRecord,
    ARTIFACT: ArtifactRecord,
    VERSION: VersionRecord,
    ALIAS: AliasRecord,
    COLLECTION: CollectionRecord,
}
C1, C2 = "1" * 40, "2" * 40
MD5, SHA256 = "a" * 32, "b" * 64

Document = dict[str, Any]


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Objects]]:
    path = tmp_path_factory.mktemp("golden") / "repo"
    subprocess.run(["sh", str(MAKE), str(path)], check=True)
    objects = Objects(Git.discover(path))
    yield path, objects
    objects.close()


def everything(golden: tuple[Path, Objects]) -> Iterator[tuple[str, bytes]]:
    """Every commit and tag of the golden repository, as kind and content."""
    path, objects = golden
    command = ["git", "cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)"]
    for line in subprocess.run(command, cwd=path, check=True, capture_output=True).stdout.decode().splitlines():
        kind, name = line.split()
        if kind in ("commit", "tag"):
            yield objects.read(Oid.parse(name))


def test_every_object_of_the_golden_repository_is_what_we_would_write(golden: tuple[Path, Objects]) -> None:
    records = 0
    for kind, data in everything(golden):
        parsed: Commit | Tag = Commit.parse(data) if kind == "commit" else Tag.parse(data)
        message = Message.parse(parsed.message)
        for key, text in message.trailers.items():
            record = KINDS[key].parse(yamlio.load(text))
            assert yamlio.dump(record.document()) == text
            if isinstance(record, (AliasRecord, CollectionRecord)):
                assert record.message() == parsed.message
            records += 1
        assert message.encode() == parsed.message
        assert parsed.encode() == data
    assert records > 15


def test_the_root_of_an_alias_is_the_golden_one(golden: tuple[Path, Objects]) -> None:
    path, _ = golden
    from gitreg.registry.aliases import root

    name = AliasName(CollectionName("model", "MNIST-dev"), "production")
    command = ["git", "rev-list", "--max-parents=0", "--first-parent", f"refs/gitreg/aliases/{name.ref_name}"]
    expected = subprocess.run(command, cwd=path, check=True, capture_output=True).stdout.decode().split()
    assert [str(hash_object("commit", root(name).encode()))] == expected
    assert alias_root_message(name) == "alias model/MNIST-dev@production\n"


USE = Use(VersionName(CollectionName("", "data"), VersionNumber(2)), Oid.parse(C1), MD5, unpublished=True)
RECORDS: dict[str, Any] = {
    "run": RunRecord(
        id=RunId("3kf9a1xq"),
        name="vague-morning-5",
        code=Code(Oid.parse(C2), snapshot=True, error="too large"),
        state="failed",
        job_type="train",
        group="g",
        project="p",
        entity="e",
        notes="n",
        tags=("a", "b c"),
        started="2026-01-02T03:04:05Z",
        ended="2026-01-02T03:04:06Z",
        config={"lr": 1e-3},
        summary={"loss": 0.5},
        metrics={"loss": {"goal": "minimize", "summary": ["min"]}},
        inputs=(USE,),
        reused=(USE,),
    ),
    "artifact": ArtifactRecord(
        collection=CollectionName("", "m"),
        type="model",
        digest=MD5,
        size=3,
        files=1,
        pointer=MD5 + ".dir",
        manifest=SHA256,
        description="d",
        metadata={"k": [1]},
    ),
    "version": VersionRecord(
        version=VersionName(CollectionName("model", "M"), VersionNumber(0)),
        type="model",
        digest=MD5,
        size=0,
        files=0,
        manifest=SHA256,
        run=RunId("3kf9a1xq"),
        link=Place(VersionName(CollectionName("", "m"), VersionNumber(4)), Oid.parse(C1)),
    ),
    "alias": AliasRecord(
        alias=AliasName(CollectionName("", "m"), "production"),
        action="set",
        seq=2,
        now=Place(VersionName(CollectionName("", "m"), VersionNumber(1)), Oid.parse(C1)),
        previous=Place(VersionName(CollectionName("", "m"), VersionNumber(0)), Oid.parse(C2)),
        reason="better",
        by=By(
            asked=Person("Ada Example <ada@example.org>"),
            approved=(Person("bob", "verified", "2026-01-02T03:04:05Z"),),
            merged=Merged(Oid.parse(C2), "Carl Example"),
        ),
        evidence=(Evidence("accuracy >= 0.97", "accuracy", 0.98, "3kf9a1xq", Oid.parse(C1)),),
    ),
}


@pytest.mark.parametrize("kind", RECORDS)
def test_a_full_record_comes_back_from_its_document_and_from_yaml(kind: str) -> None:
    record = RECORDS[kind]
    assert type(record).parse(record.document()) == record
    assert type(record).parse(yamlio.load(yamlio.dump(record.document()))) == record


def test_what_is_empty_is_left_out_except_config_and_summary() -> None:
    record = RunRecord(id=RunId("ab"), name="n", code=Code(Oid.parse(C1), snapshot=False))
    assert list(record.document()) == ["schema", "id", "name", "state", "code", "config", "summary"]
    assert RunRecord.parse(record.document()) == record


def test_keys_that_a_reader_does_not_know_are_passed_over() -> None:
    for record in RECORDS.values():
        assert type(record).parse({**record.document(), "later": {"x": 1}}) == record


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("schema", [2, 99])
def test_a_newer_schema_is_refused_with_words_that_say_so(kind: str, schema: int) -> None:
    record = RECORDS[kind]
    # whatever else it holds
    with pytest.raises(NewerSchemaError, match=f"{kind} has schema {schema}, this gitreg reads up to 1") as caught:
        type(record).parse({"schema": schema})
    assert caught.value.hint == "upgrade gitreg: pip install -U gitreg"


REQUIRED = {
    "run": ["schema", "id", "name", "state", "code"],
    "artifact": ["schema", "collection", "type", "digest", "size", "files", "pointer", "manifest"],
    "version": ["schema", "collection", "number", "type", "digest", "size", "files", "manifest", "run"],
    "alias": ["schema", "collection", "alias", "action", "seq", "version", "commit"],
}


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, fields in REQUIRED.items() for field in fields])
def test_a_missing_field_is_named(kind: str, field: str) -> None:
    document = RECORDS[kind].document()
    del document[field]
    with pytest.raises(RecordError, match=rf"'{field}' is missing"):
        type(RECORDS[kind]).parse(document)


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("value", [{"x": [1]}, [[]], 1.5, None, True, -1, "two words\n"])
def test_a_field_with_a_wrong_value_is_named(kind: str, value: object) -> None:
    record = RECORDS[kind]
    free = {"name", "job_type", "group", "project", "entity", "notes", "type", "description", "reason"}
    free |= {"started", "ended", "error"} if isinstance(value, str) else set()
    for field, right in record.document().items():
        takes_text = isinstance(value, str) and field in free
        if takes_text or type(right) is type(value) is dict:
            continue
        with pytest.raises(RecordError, match=rf"field '{field}'"):
            type(record).parse({**record.document(), field: value})


def changed(kind: str, change: Callable[[Document], object]) -> Any:
    document = copy.deepcopy(RECORDS[kind].document())
    change(document)
    return type(RECORDS[kind]).parse(document)


@pytest.mark.parametrize(
    ("kind", "change", "why"),
    [
        ("run", lambda d: d["code"].pop("commit"), "'commit' is missing"),
        ("run", lambda d: d["code"].pop("snapshot"), "'snapshot' is missing"),
        ("run", lambda d: d["code"].update(snapshot="yes"), "field 'snapshot'"),
        ("run", lambda d: d["code"].update(commit="HEAD"), "field 'commit'"),
        ("run", lambda d: d["code"].update(error=1), "field 'error'"),
        ("run", lambda d: d["inputs"][0].pop("commit"), "'commit' is missing"),
        ("run", lambda d: d["inputs"][0].update(version="3"), "field 'version'"),
        ("run", lambda d: d["inputs"][0].update(artifact="../x"), "field 'artifact'"),
        ("run", lambda d: d["reused"][0].update(digest="x"), "field 'digest'"),
        ("run", lambda d: d["inputs"][0].update(unpublished="no"), "field 'unpublished'"),
        ("run", lambda d: d.update(id="a/b"), "field 'id'"),
        ("run", lambda d: d.update(state="paused"), "field 'state' holds 'paused'"),
        ("run", lambda d: d.update(tags=["a", 1]), "field 'tags'"),
        ("run", lambda d: d.update(schema=0), "field 'schema'"),
        ("artifact", lambda d: d.update(pointer=MD5), "field 'pointer'"),
        ("artifact", lambda d: d.update(manifest=MD5), "field 'manifest'"),
        ("artifact", lambda d: d.update(digest=MD5.upper()), "field 'digest'"),
        ("artifact", lambda d: d.update(collection="a/b/c"), "field 'collection'"),
        ("version", lambda d: d.update(run=""), "field 'run'"),
        ("version", lambda d: d["link"].pop("commit"), "'commit' is missing"),
        ("version", lambda d: d["link"].pop("artifact"), "'artifact' is missing"),
        ("version", lambda d: d["link"].update(version="latest"), "field 'version'"),
        ("alias", lambda d: d.update(action="move"), "field 'action' holds 'move'"),
        ("alias", lambda d: d.update(action="delete"), "field 'action'"),
        ("alias", lambda d: d.update(alias="latest"), "field 'alias'"),
        ("alias", lambda d: d["previous"].pop("version"), "'version' is missing"),
        ("alias", lambda d: d["evidence"][0].update(value="0.98"), "field 'value'"),
        ("alias", lambda d: d["evidence"][0].update(commit="HEAD"), "not an object id"),
    ],
)
def test_a_wrong_part_of_a_field_is_named(kind: str, change: Callable[[Document], object], why: str) -> None:
    with pytest.raises(RecordError, match=why):
        changed(kind, change)


def test_a_removal_names_no_version() -> None:
    record = AliasRecord(RECORDS["alias"].alias, "delete", 3, None, RECORDS["alias"].now)
    assert record.subject == "production -> nothing"
    assert AliasRecord.parse(record.document()) == record
    assert "version" not in record.document()


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"asked": "Ada", "approved": "Bob", "merged": C1}, By(Person("Ada"), (Person("Bob"),), Merged(Oid.parse(C1)))),
        ({"approved": [{"who": "Bob", "how": "sworn"}, "", 3, {"how": "verified"}]}, By(None, (Person("Bob"),))),
        ({"asked": 3, "merged": {"who": "Ada", "commit": "HEAD"}, "team": "ml"}, By()),
    ],
)
def test_what_a_record_tells_of_people_in_another_form_says_less_and_breaks_nothing(told: Document, read: By) -> None:
    assert changed("alias", lambda document: document.update(by=told)).by == read


def test_the_parents_of_a_run_commit_are_what_came_before_and_its_inputs_without_repetition() -> None:
    one, two = Oid.parse(C1), Oid.parse(C2)
    again = Use(USE.version, two, MD5)
    record = RunRecord(RunId("ab"), "n", Code(two, snapshot=False), inputs=(USE, USE, again))
    assert record.parents(two) == (two, one)
    assert record.parents(one) == (one, two)
