"""Reading a repository without a clone: what a name means, what is fetched for it, and what is kept."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from desks import Desk, Files, World
from gitreg.data.config import only_storage
from gitreg.errors import Error, MissingBytesError, NotFoundError, RecordError, RefusedError, VersionDeletedError
from gitreg.git.address import Address
from gitreg.records.names import Reference
from gitreg.registry import contents, editing, resolve, versions
from gitreg.registry.elsewhere import Elsewhere
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version


class Reader:
    """Somebody without a clone; everything that they fetch is below `home`."""

    def __init__(self, world: World, home: Path) -> None:
        self.world, self.home = world, home
        self.opened: list[Elsewhere] = []

    def open(self, *, offline: bool = False, storage: str | None = None) -> Elsewhere:
        only = only_storage(storage) if storage else None
        address = Address.parse(f"file://{self.world.server}", Path.cwd())
        found = Elsewhere(address, home=self.home, offline=offline, storage=only)
        self.opened.append(found)
        return found

    def version(self, reference: str, *, offline: bool = False) -> Version:
        return resolve.version(self.open(offline=offline), Reference.parse(reference))

    def says(self, reference: str) -> str:
        """The version's name, or what is wrong with the reference."""
        try:
            return str(self.version(reference).name)
        except Error as error:
            return f"{type(error).__name__}: {error.message} | {error.hint}"

    def get(self, reference: str, target: Path, *, offline: bool = False, storage: str | None = None) -> Files:
        registry = self.open(offline=offline, storage=storage)
        found = versions.details(registry, resolve.version(registry, Reference.parse(reference)))
        contents.write_out(registry, found, target)
        return {str(path.relative_to(target)): path.read_text() for path in target.rglob("*") if path.is_file()}

    @property
    def folder(self) -> Path:
        (found,) = (self.home / "repositories").iterdir()
        return found


@pytest.fixture
def reader(world: World, tmp_path: Path) -> Iterator[Reader]:
    found = Reader(world, tmp_path / "kept")
    yield found
    for registry in found.opened:
        registry.close()


@pytest.fixture
def published(ada: Desk) -> Desk:
    """A clone whose dataset, models and aliases are published."""
    data = ada.log("data", "rows", type="dataset")
    for content in ("zero", "one", "two"):
        ada.log("m", content, use=[data])
        ada.link(ada.version("m"), "model/M")
    ada.promote("model/M:production", "v1")
    ada.promote("m:best", "v2")
    ada.publish()
    return ada


def refs(registry: Registry) -> list[str]:
    return [ref.name for ref in registry.refs.find("refs/")]


def test_names_mean_what_they_mean_in_a_clone(published: Desk, reader: Reader) -> None:
    for name in ("m", "m:v0", "m:best", "model/M:production", "model/M", "data:latest", "team/lab/m:v1", "lab/m:v1"):
        assert reader.version(name) == published.version(name), name


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("n", "artifact 'n' not found in '{}' | it has data, m, model/M"),
        ("dat", "artifact 'dat' not found in '{}' | did you mean 'data'?"),
        ("M:v0", "artifact 'M:v0' not found in '{}' | did you mean 'model/M'?"),
        ("model/m:v0", "artifact 'model/m:v0' not found in '{}' | did you mean 'model/M'?"),
        ("m:v7", "artifact 'm:v7' not found | 'm' has v0, v1, v2"),
        ("lab/m:v7", "artifact 'm:v7' not found | 'm' has v0, v1, v2"),
        ("m:bets", "alias 'bets' not found in 'm' | did you mean 'best'?"),
        ("model/M:staging", "alias 'staging' not found in 'model/M' | it has production"),
        ("data:raw", "alias 'raw' not found in 'data' | it has none yet"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(published: Desk, reader: Reader, reference: str, words: str) -> None:
    assert reader.says(reference) == "NotFoundError: " + words.format(f"file://{reader.world.server}")


def test_one_version_is_one_tag_without_history(published: Desk, reader: Reader) -> None:
    registry = reader.open()
    resolve.version(registry, Reference.parse("model/M:production"))
    assert refs(registry) == ["refs/gitreg-remotes/elsewhere/aliases/model/M@production", "refs/tags/model/M@v1"]
    # the move of the alias, and the version that it names
    assert registry.git.text("rev-list", "--all", "--count") == "2"


def test_the_files_come_from_the_storage_that_the_tree_names(published: Desk, reader: Reader, tmp_path: Path) -> None:
    assert reader.get("m:best", tmp_path / "got") == {"data.txt": "two"}
    kept = {path.name for path in (reader.folder / "cache").rglob("*") if path.is_file()}
    assert len(kept) == 1


def test_a_version_is_asked_for_once(published: Desk, reader: Reader, tmp_path: Path) -> None:
    reader.get("m:v1", tmp_path / "one")
    reader.world.server.rename(tmp_path / "gone")
    reader.world.storage.rename(tmp_path / "gone too")
    assert reader.get("m:v1", tmp_path / "two") == {"data.txt": "one"}


def test_an_alias_is_asked_for_each_time(published: Desk, reader: Reader, tmp_path: Path) -> None:
    assert reader.says("m:best") == "m:v2"
    published.promote("m:best", "v0")
    published.publish()
    assert reader.says("m:best") == "m:v0"
    reader.world.server.rename(tmp_path / "gone")
    assert "does not appear to be a git repository" in reader.says("m:best")


def test_the_newest_is_asked_for_each_time_also_by_one_reader(published: Desk, reader: Reader) -> None:
    registry = reader.open()
    assert resolve.version(registry, Reference.parse("m")).name.label == "v2"
    published.log("m", "three")
    published.publish()
    assert resolve.version(registry, Reference.parse("m")).name.label == "v3"


def test_an_alias_of_a_version_whose_tag_was_deleted_says_so(published: Desk, reader: Reader) -> None:
    reader.world.on_server("git update-ref -d refs/tags/m@v2")
    assert "'m:best' names v2, whose tag is not here" in reader.says("m:best")


def test_offline_an_alias_is_what_it_was(published: Desk, reader: Reader, tmp_path: Path) -> None:
    reader.get("m:best", tmp_path / "got")
    published.promote("m:best", "v0")
    published.publish()
    assert reader.get("m:best", tmp_path / "again", offline=True) == {"data.txt": "two"}
    assert reader.version("m", offline=True).name.label == "v2"


def test_offline_an_alias_that_is_gone_names_nothing(published: Desk, reader: Reader) -> None:
    assert reader.says("m:best") == "m:v2"
    reader.world.on_server("git update-ref -d refs/gitreg/aliases/m@best")
    assert "alias 'best' not found" in reader.says("m:best")
    with pytest.raises(NotFoundError, match=r"'m:best' .* was not fetched before"):
        reader.version("m:best", offline=True)


def test_offline_what_was_not_fetched_is_refused(published: Desk, reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"nothing of .* was fetched before"):
        reader.open(offline=True)
    reader.version("m:v1")
    for name in ("m:v0", "m:best", "data"):
        with pytest.raises(NotFoundError, match=rf"'{name}.* was not fetched before"):
            reader.version(name, offline=True)
    with pytest.raises(MissingBytesError, match=r"'data\.txt' of 'm:v1' cannot be had offline"):
        reader.get("m:v1", tmp_path / "got", offline=True)


def test_a_deleted_version_is_no_longer_the_latest_and_says_who_deleted_it(published: Desk, reader: Reader) -> None:
    published.promote("m:best", "v1")
    editing.delete(published.registry, published.version("m:v2"), reason="wrong labels", delete_aliases=False)
    published.publish()
    assert reader.says("m") == "m:v1"
    with pytest.raises(VersionDeletedError, match="was deleted on 2026-01-02 by Ada Example: wrong labels"):
        reader.version("m:v2")


def test_an_alias_that_was_removed_says_so(published: Desk, reader: Reader) -> None:
    assert reader.says("m:best") == "m:v2"
    published.promote("m:best", None)
    published.publish()
    assert "alias 'best' not found in 'm' | it was removed, and named v2 before" in reader.says("m:best")


def test_an_alias_that_was_moved_by_hand_names_what_it_points_at(published: Desk, reader: Reader) -> None:
    reader.world.on_server("git update-ref refs/gitreg/aliases/m@best m@v0^{commit}")
    assert reader.says("m:best") == "m:v0"
    assert reader.says("m:best") == "m:v0"


def test_an_alias_that_points_at_something_else_is_refused(published: Desk, reader: Reader) -> None:
    reader.world.on_server("git update-ref refs/gitreg/aliases/m@best main")
    assert "which is no version of 'm'" in reader.says("m:best")


def test_somebodys_own_tag_is_not_the_latest(published: Desk, reader: Reader, tmp_path: Path) -> None:
    reader.world.on_server("git tag m@v8 main && git -c user.name=x -c user.email=x@y tag -a -m mine m@v9 main")
    assert reader.says("m") == "m:v2"
    with pytest.raises(RecordError, match="tag 'm@v9' is not gitreg's"):
        reader.get("m:v9", tmp_path / "got")
    assert "artifact 'm:v8' not found" in reader.says("m:v8")


def test_a_repository_that_was_made_anew_under_the_same_address_is_noticed(
    published: Desk, reader: Reader, tmp_path: Path
) -> None:
    reader.version("m:v0")
    world = reader.world
    shutil.rmtree(world.server)
    published.sh(f"git init --quiet --bare {world.server} && git push --quiet origin main")
    other = world.clone("eve")
    other.log("m", "another")
    other.promote("m:best", "v0")
    other.publish()
    with pytest.raises(RecordError, match="which was another version") as caught:
        reader.version("m:best")
    assert str(reader.folder) in str(caught.value.hint)


def test_at_a_date_is_answered_from_everything(published: Desk, reader: Reader) -> None:
    assert reader.says("m:best@{now}") == "m:v2"
    registry = reader.open().whole
    assert [str(item.name) for item in versions.all_versions(registry)] == published.all()


def test_of_everything_only_the_metadata_is_fetched(published: Desk, reader: Reader) -> None:
    reader.world.on_server("git config uploadpack.allowFilter true")
    registry = reader.open().whole
    listed = registry.git.text("cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split("\n")
    assert set(listed) == {"commit", "tag"}


def test_nothing_is_changed_in_it(published: Desk, reader: Reader) -> None:
    registry = reader.open()
    version = resolve.version(registry, Reference.parse("m:v0"))
    before = refs(registry)
    with pytest.raises(RefusedError, match="is read without a clone"):
        editing.delete(registry, version, delete_aliases=False)
    assert refs(registry) == before


def test_what_is_kept_and_damaged_is_fetched_again(published: Desk, reader: Reader, tmp_path: Path) -> None:
    reader.get("m:v1", tmp_path / "one")
    shutil.rmtree(reader.folder / "versions.git" / "objects")
    (reader.folder / "versions.git" / "objects").mkdir()
    assert reader.get("m:v1", tmp_path / "two") == {"data.txt": "one"}
    blob = published.git("rev-parse m@v1:artifacts/m.sha256")
    (reader.folder / "versions.git" / "objects" / blob[:2] / blob[2:]).unlink()
    assert reader.get("m:v1", tmp_path / "half") == {"data.txt": "one"}
    (reader.folder / "versions.git" / "HEAD").unlink()
    assert reader.get("m:v1", tmp_path / "three") == {"data.txt": "one"}


def test_what_is_kept_may_be_deleted_while_it_is_read(published: Desk, reader: Reader) -> None:
    registry = reader.open()
    for name in ("m:v0", "m:v1"):
        assert resolve.version(registry, Reference.parse(name)) == published.version(name)
        shutil.rmtree(reader.folder / "versions.git")


def test_of_several_that_find_it_damaged_one_makes_it_anew(reader: Reader) -> None:
    first, second = reader.open().mirror, reader.open().mirror
    first.renew("versions.git")
    place = reader.folder / "versions.git" / "mark"
    place.touch()
    second.renew("versions.git")
    assert place.exists()
    second.renew("versions.git")
    assert not place.exists()
    assert (place.parent / "HEAD").exists()


def test_locks_that_a_killed_git_has_left_are_no_obstacle(published: Desk, reader: Reader) -> None:
    reader.version("m:best")
    place = reader.folder / "versions.git"
    for name in ("shallow.lock", "packed-refs.lock", "refs/tags/m@v0.lock"):
        (place / name).touch()
    (reader.folder / "new-killed" / "old").mkdir(parents=True)
    published.promote("m:best", "v0")
    published.publish()
    assert reader.says("m:best") == "m:v0"
    assert not list(place.rglob("*.lock"))
    assert not (reader.folder / "new-killed").exists()


def test_without_a_cache_that_can_be_written_nothing_is_kept(
    published: Desk, reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "tmp").mkdir()
    reader.home.write_text("a file")
    assert reader.get("m:best", tmp_path / "got") == {"data.txt": "two"}
    assert list((tmp_path / "tmp").glob("gitreg-*"))
    while reader.opened:
        reader.opened.pop().close()
    gc.collect()
    assert not list((tmp_path / "tmp").glob("gitreg-*"))


def test_bytes_come_from_the_named_storage_alone(published: Desk, reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(Error, match=r"'data\.txt' of 'm:v0' cannot be fetched"):
        reader.get("m:v0", tmp_path / "got", storage=str(tmp_path / "empty"))
    shutil.copytree(reader.world.storage, tmp_path / "copy")
    reader.world.storage.rename(tmp_path / "gone")
    assert reader.get("m:v0", tmp_path / "got", storage=str(tmp_path / "copy")) == {"data.txt": "zero"}


def test_what_is_kept_is_nobody_elses_to_read(published: Desk, reader: Reader) -> None:
    reader.version("m:v0")
    assert reader.home.stat().st_mode & 0o777 == 0o700
    assert reader.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("done", "asked", "words"),
    [
        (
            "update-ref refs/gitreg/aliases/m@best $(git rev-parse main:README)",
            "m:best",
            "is a blob, expected a commit",
        ),
        ("update-ref refs/gitreg/aliases/m@best main^{tree}", "m:best", "is a tree, expected a commit"),
        (
            "update-ref refs/gitreg/aliases/m@best refs/gitreg/aliases/model/M@production",
            "m:best",
            "a promotion record of 'm:best' does not fit its commit",
        ),
        ("update-ref refs/tags/m@v0 refs/tags/m@v1", "m:v0", "header, ref and record of tag 'm@v0' disagree"),
        ("update-ref refs/tags/m@v7 refs/tags/m@v2", "m", "header, ref and record of tag 'm@v7' disagree"),
        ("update-ref refs/gitreg/collections/m@card $(git rev-parse main:README)", "m:v0", "is a blob, expected a"),
        ("update-ref refs/gitreg/collections/m@card main", "m:v0", ""),
    ],
)
def test_refs_of_strangers_are_looked_at_before_they_are_believed(
    published: Desk, reader: Reader, done: str, asked: str, words: str
) -> None:
    reader.world.on_server(f"git {done}")
    said = reader.says(asked)
    assert said.startswith("RecordError: ") if words else said == "m:v0"
    assert words in said
