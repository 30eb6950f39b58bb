from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from desks import Desk, World
from gitreg.registry import index, runs
from gitreg.registry.versions import Version

if TYPE_CHECKING:
    import pytest


def users(desk: Desk, version: Version) -> list[str]:
    """The names of the collections that were made of a version, through the index."""
    found = index.used_by(desk.registry, version.commit)
    made = []
    for run_id in found:
        made += [
            str(commit.artifact.collection) for commit in runs.get(desk.registry, run_id).commits if commit.artifact
        ]
    return sorted(made)


def reads(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collects the objects that are read from now on."""
    seen: list[str] = []
    read = desk.registry.objects.read

    def counting(oid: object) -> object:
        seen.append(str(oid))
        return read(oid)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.registry.objects, "read", counting)
    return seen


def test_the_users_of_a_version_are_found_and_new_ones_are_taken_in(desk: Desk) -> None:
    data = desk.log("data", "d", "dataset")
    assert users(desk, data) == []
    desk.log("a", "1", use=[data])
    assert users(desk, data) == ["a"]
    desk.log("b", "2", use=[data])
    desk.sh("git pack-refs --all")
    desk.log("c", "3", use=[data])
    assert users(desk, data) == ["a", "b", "c"]


def test_nothing_is_read_again_when_nothing_is_new(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    data = desk.log("data", "d", "dataset")
    desk.log("a", "1", use=[data])
    index.used_by(desk.registry, data.commit)
    seen = reads(desk, monkeypatch)
    assert len(index.used_by(desk.registry, data.commit)) == 1
    assert seen == []
    desk.sh("git pack-refs --all")
    assert len(index.used_by(desk.registry, data.commit)) == 1
    assert seen == []


def test_the_index_can_be_deleted_damaged_or_kept_from_being_written(desk: Desk) -> None:
    data = desk.log("data", "d", "dataset")
    desk.log("a", "1", use=[data])
    assert users(desk, data) == ["a"]
    file = next(desk.registry.private.glob("index-*.sqlite"))
    size = file.stat().st_size
    file.unlink()
    assert users(desk, data) == ["a"]
    file.write_bytes(b"not a database" * 1000)
    assert users(desk, data) == ["a"]
    assert file.read_bytes().startswith(b"SQLite format 3")
    with file.open("r+b") as opened:
        opened.seek(size // 2)
        opened.write(b"\xff" * (size // 2))
    assert users(desk, data) == ["a"]
    file.unlink()
    file.mkdir()
    assert users(desk, data) == ["a"]
    assert list(file.iterdir()) == []


def test_a_shallow_clone_knows_what_it_has_and_the_rest_when_it_comes(ada: Desk, world: World) -> None:
    data = ada.log("data", "d", "dataset")
    run = ada.start()
    run.use(data)
    run.log_artifact(ada.draft("a", "1"))
    run.log_artifact(ada.draft("a", "2"))
    run.finish("finished")
    ada.publish()
    other = world.clone("other", "--depth=1 --no-tags")
    other.sh(
        "git fetch --quiet --depth=1 origin '+refs/gitreg/*:refs/gitreg-remotes/origin/*' refs/tags/a@v1:refs/tags/a@v1"
    )
    assert index.used_by(other.registry, data.commit) == []
    other.sh("git fetch --quiet --unshallow")
    assert index.used_by(other.registry, data.commit) == [run.record.id]


def test_a_run_that_is_known_only_through_a_tag_is_listed(ada: Desk, world: World) -> None:
    version = ada.log("a", "1")
    ada.publish()
    run_id = ada.details("a:v0").run.id
    world.on_server(f"git update-ref -d refs/gitreg/runs/{run_id[:2]}/{run_id}")
    other = world.clone("other")
    with index.updated(other.registry) as known:
        tips = known.tips()
        assert known.tip(run_id) == version.commit
    assert tips == {run_id: version.commit}


def test_what_cannot_be_read_is_passed_over(desk: Desk) -> None:
    data = desk.log("data", "d", "dataset")
    desk.log("a", "1", use=[data])
    tampered: Sequence[str] = (
        "git cat-file commit a@v0^0 | sed '/^parent/d' | git hash-object -t commit -w --stdin",
        "git cat-file commit a@v0^0 | sed 's/schema: 1/schema: 9/' | git hash-object -t commit -w --stdin",
        "git rev-parse HEAD:README",
    )
    for number, command in enumerate(tampered):
        desk.sh(f"git update-ref refs/gitreg/runs/zz/zz{number} $({command})")
    desk.sh("git tag -a -m 'a blob' odd@v1 HEAD:README && git tag -a -m 'a commit' odd@v2")
    assert users(desk, data) == ["a"]
