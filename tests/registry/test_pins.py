from __future__ import annotations

import os
from pathlib import Path

import pytest

from conftest import Shell
from desks import Desk, World
from gitreg.errors import Error, NotARepositoryError, NotFoundError, RecordError, RefusedError, StorageError, UsageError
from gitreg.records.pin import Pin
from gitreg.registry import pins, setup
from gitreg.registry.pins import Written
from helpers import fingerprint


@pytest.fixture
def shop(ada: Desk, bob: Desk) -> Desk:
    """Bob's clone, where `m` has two published versions and production names the first."""
    ada.log("m", {"a.txt": "one", "sub/b.txt": "two"})
    ada.log("m", {"a.txt": "one", "c.txt": "three!"})
    ada.promote("m:production", "v0")
    ada.publish()
    bob.fetch()
    return bob


def pin(desk: Desk, reference: str, path: str, file: str | None = None) -> Written:
    return pins.pin(desk.reopen(), reference, desk.path / path, file=file)


def text(desk: Desk, path: str) -> str:
    return (desk.path / path).read_text()


def states(desk: Desk) -> dict[str, str]:
    return {item.place.name: item.state for item in pins.found(desk.reopen())}


def update(desk: Desk, *paths: str) -> list[str]:
    found = pins.found(desk.reopen(), [desk.path / path for path in paths])
    done = [pins.update(desk.registry, item) for item in found if item.state != "current"]
    return [f"{item.place.name}: {item.was.version if item.was else ''} -> {item.pin.version}" for item in done]


class TestPinning:
    def test_writes_the_pin_and_a_line_in_gitignore_and_nothing_else(self, shop: Desk) -> None:
        before = fingerprint(shop.path)
        done = pin(shop, "m:production", "models/m")
        version = shop.details("m:v0")
        assert text(shop, "models/.gitignore") == "/m\n"
        parsed = Pin.parse(text(shop, "models/m.dvc"))
        assert parsed == done.pin
        assert parsed == Pin(
            "m:production",
            version.version.name,
            version.version.commit,
            "",
            "m",
            version.artifact.pointer,
            version.artifact.size,
            version.artifact.files,
            "storage",
        )
        assert [path.relative_to(shop.path).as_posix() for path in done.files] == ["models/m.dvc", "models/.gitignore"]
        after = fingerprint(shop.path)
        added = set(after) - set(before)
        assert added == {"file models/m.dvc", "file models/.gitignore"}
        assert {key: after[key] for key in before} == before
        assert states(shop) == {"models/m": "current"}

    def test_one_file_of_a_version_becomes_a_file(self, shop: Desk) -> None:
        found = pin(shop, "m:v0", "weights", file="sub/b.txt").pin
        assert (found.size, found.nfiles, found.file) == (3, None, "sub/b.txt")
        assert states(shop) == {"weights": "current"}
        with pytest.raises(NotFoundError, match=r"'m:v0' has no file 'b\.txt'") as caught:
            pin(shop, "m:v0", "other", file="b.txt")
        assert caught.value.hint == "it has a.txt, sub/b.txt"

    def test_pinning_again_keeps_the_file_and_what_people_wrote(self, shop: Desk) -> None:
        pin(shop, "m:v0", "weights", file="a.txt")
        pointer = shop.path / "weights.dvc"
        pointer.write_text(pointer.read_text().replace("outs:", "desc: ours\nouts:   # mine"))
        done = pin(shop, "m", "weights.dvc")
        assert done.was is not None
        assert (done.was.reference, done.pin.reference, done.pin.file) == ("m:v0", "m", "a.txt")
        assert "desc: ours\nouts:   # mine" in pointer.read_text()
        assert pin(shop, "m", "weights").files == ()

    def test_an_unpublished_version_is_refused(self, shop: Desk, desk: Desk) -> None:
        shop.log("m", "mine")
        before = fingerprint(shop.path)
        with pytest.raises(RefusedError, match="'m:v2' is not published") as caught:
            pin(shop, "m", "models/m")
        assert caught.value.hint is not None
        assert "git push" in caught.value.hint
        assert fingerprint(shop.path) == before

    def test_without_a_remote_nothing_is_published(self, desk: Desk) -> None:
        desk.log("m", "x")
        with pytest.raises(RefusedError, match="'m:v0' is not published") as caught:
            pin(desk, "m", "m")
        assert caught.value.hint == "add the registry's remote: git remote add origin URL"

    def test_an_alias_that_is_moved_here_alone_is_told(self, shop: Desk) -> None:
        shop.promote("m:production", "v1")
        done = pin(shop, "m:production", "m")
        assert pins.is_ahead(shop.registry, done.pin)
        shop.publish()
        assert not pins.is_ahead(shop.reopen(), done.pin)

    def test_a_line_that_ignores_the_output_already_is_enough(self, shop: Desk) -> None:
        (shop.path / ".gitignore").write_text("models/*/\n")
        done = pin(shop, "m:v0", "models/m")
        assert [path.name for path in done.files] == ["m.dvc"]

    def test_the_gitignore_keeps_its_lines_and_takes_a_name_literally(self, shop: Desk) -> None:
        (shop.path / ".gitignore").write_bytes(b"# mine\n*.pyc")
        pin(shop, "m:v0", "m[1]* !\\")
        assert (shop.path / ".gitignore").read_bytes() == b"# mine\n*.pyc\n/m\\[1\\]\\* !\\\\\n"
        assert shop.git("check-ignore 'm[1]* !\\'")
        assert shop.git("status --porcelain --untracked-files=all").splitlines()[-1].endswith('.dvc"')
        assert states(shop) == {"m[1]* !\\": "current"}


class TestPlaces:
    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("../m", "outside the repository"),
            (".", "outside the repository"),
            ("..", "outside the repository"),
            ("/m", "outside the repository"),
            (".git/m", "of Git's or DVC's own"),
            ("x/.DVC/m", "of Git's or DVC's own"),
            (".dvc", "of Git's or DVC's own"),
            ("inner/m", "'inner' is another repository"),
            ("inner", "'inner' is another repository"),
            ("away/m", "outside the repository"),
            ("bad\nname", "cannot be in a .gitignore"),
        ],
    )
    def test_that_are_not_ours_are_refused(self, shop: Desk, tmp_path: Path, path: str, words: str) -> None:
        shop.sh(f"git init --quiet inner && ln -s {tmp_path} away")
        before = fingerprint(shop.path)
        with pytest.raises(UsageError, match=words):
            pin(shop, "m:v0", path)
        assert fingerprint(shop.path) == before

    @pytest.mark.parametrize(
        ("script", "path", "words"),
        [
            ("echo x >m && git add m", "m", "'m' is tracked by Git"),
            ("mkdir m && echo x >m/x && git add m", "m", "'m' is tracked by Git"),
            ("ln -s README m", "m", "'m' is a link"),
            ("ln -s README m.dvc", "m", r"'m\.dvc' is a link"),
            ("ln -s README .gitignore", "m", r"'\.gitignore' is a link"),
            ("echo 'outs: []' >m.dvc", "m", r"'m\.dvc' is there and is no pin"),
            ("echo 'outs: []' >m.dvc", "m/inner", "'m' is DVC's"),
            ("echo '*.dvc' >.gitignore", "m", r"Git ignores 'm\.dvc'"),
            ("echo 'models/' >.gitignore", "models/m", r"Git ignores 'models/m\.dvc'"),
        ],
    )
    def test_that_are_taken_are_refused(self, shop: Desk, script: str, path: str, words: str) -> None:
        shop.sh(script)
        before = fingerprint(shop.path)
        with pytest.raises(RefusedError, match=words):
            pin(shop, "m:v0", path)
        assert fingerprint(shop.path) == before

    def test_a_folder_that_is_a_link_within_the_repository_is_followed(self, shop: Desk) -> None:
        shop.sh("mkdir real && ln -s real linked")
        assert pin(shop, "m:v0", "linked/m").place.name == "real/m"

    def test_a_bare_repository_has_none(self, shop: Desk, world: World, sh: Shell) -> None:
        sh(f"git clone --quiet --bare file://{world.server} bare.git", cwd=world.server.parent)
        with pytest.raises(NotARepositoryError):
            pins.found(Desk(world.server.parent / "bare.git", sh).registry)

    def test_a_repository_that_is_no_project_is_refused(self, shop: Desk) -> None:
        shop.sh("git rm --quiet -r --cached .dvc && rm -r .dvc")
        with pytest.raises(NotARepositoryError, match="is not set up"):
            pin(shop, "m:v0", "m")


class TestStorages:
    def test_one_that_dvc_does_not_know_is_added_and_no_default_set(self, shop: Desk, world: World) -> None:
        (shop.path / ".dvc" / "config").write_text("# mine\n['remote \"storage\"']\n    url = /elsewhere\n")
        done = pin(shop, "m:v0", "m")
        assert done.pin.remote == "storage-2"
        assert str(done.storage) == f"storage ({world.storage})"
        assert text(shop, ".dvc/config") == (
            "# mine\n['remote \"storage\"']\n    url = /elsewhere\n"
            f"['remote \"storage-2\"']\n    url = {world.storage}\n"
        )
        assert pin(shop, "m:v1", "n").storage is None

    def test_the_name_is_the_tracked_configurations_and_not_a_private_one(self, shop: Desk, world: World) -> None:
        (shop.path / ".dvc" / "config").write_text(f"['remote \"shared\"']\n    url = {world.storage}\n")
        (shop.path / ".dvc" / "config.local").write_text(f"['remote \"own\"']\n    url = {world.storage}\n")
        assert pin(shop, "m:v0", "m").pin.remote == "shared"

    def test_a_private_name_of_the_storage_becomes_everybodys(self, shop: Desk, world: World) -> None:
        (shop.path / ".dvc" / "config").write_text("")
        own = f"['remote \"own\"']\n    url = {world.storage}\n    access_key_id = secret\n"
        (shop.path / ".dvc" / "config.local").write_text(own)
        assert pin(shop, "m:v0", "m").pin.remote == "own"
        assert text(shop, ".dvc/config") == f"['remote \"own\"']\n    url = {world.storage}\n"

    def test_a_name_that_means_something_else_here_is_not_taken(self, shop: Desk, world: World) -> None:
        (shop.path / ".dvc" / "config").write_text("")
        (shop.path / ".dvc" / "config.local").write_text("['remote \"storage\"']\n    url = /elsewhere\n")
        assert pin(shop, "m:v0", "m").pin.remote == "storage-2"

    def test_a_project_in_a_folder_has_its_own_configuration(self, shop: Desk, world: World) -> None:
        shop.sh("mkdir -p services/a/.dvc services/a/models && touch services/a/.dvc/config")
        before = text(shop, ".dvc/config")
        done = pin(shop, "m:v0", "services/a/models/m")
        assert [path.relative_to(shop.path).as_posix() for path in done.files] == [
            "services/a/models/m.dvc",
            "services/a/models/.gitignore",
            "services/a/.dvc/config",
        ]
        assert text(shop, "services/a/.dvc/config") == f"['remote \"storage\"']\n    url = {world.storage}\n"
        assert text(shop, ".dvc/config") == before


class TestUpdating:
    def test_follows_what_the_reference_names_now(self, shop: Desk, ada: Desk) -> None:
        pin(shop, "m:production", "models/m")
        pin(shop, "m", "newest")
        pin(shop, "m:v0", "fixed")
        assert set(states(shop).values()) == {"current"}
        ada.promote("m:production", "v1")
        ada.log("m", "four")
        ada.publish()
        shop.fetch()
        assert states(shop) == {"fixed": "current", "models/m": "behind", "newest": "behind"}
        assert update(shop) == ["models/m: m:v0 -> m:v1", "newest: m:v1 -> m:v2"]
        assert set(states(shop).values()) == {"current"}
        assert update(shop) == []

    def test_of_some_leaves_the_others(self, shop: Desk, ada: Desk) -> None:
        pin(shop, "m", "a")
        pin(shop, "m", "b")
        ada.log("m", "four")
        ada.publish()
        shop.fetch()
        assert update(shop, "a.dvc") == ["a: m:v1 -> m:v2"]
        assert states(shop) == {"a": "current", "b": "behind"}
        with pytest.raises(NotFoundError, match="pin 'c' not found"):
            update(shop, "a", "c")

    def test_of_a_pin_that_somebody_changed_is_refused(self, shop: Desk) -> None:
        pin(shop, "m:v0", "m")
        pointer = shop.path / "m.dvc"
        pointer.write_text(pointer.read_text().replace("size: 6", "size: 7"))
        assert states(shop) == {"m": "changed"}
        for attempt in (lambda: update(shop), lambda: pin(shop, "m:v1", "m")):
            with pytest.raises(RefusedError, match=r"'m\.dvc' was changed"):
                attempt()
        assert "size: 7" in pointer.read_text()

    def test_waits_for_what_is_published(self, shop: Desk) -> None:
        pin(shop, "m", "m")
        shop.log("m", "mine")
        assert states(shop) == {"m": "unpublished"}
        with pytest.raises(RefusedError, match="'m:v2' is not published"):
            update(shop)
        shop.publish()
        assert update(shop) == ["m: m:v1 -> m:v2"]

    @pytest.mark.parametrize(
        ("old", "new", "kind"),
        [
            ('"m:v0"\n', '"n:v0"\n', NotFoundError),
            ('"m:v0"\n', '"../m"\n', UsageError),
            ("path: m", "path: n", RecordError),
            ("size: 6", "size: many", RecordError),
        ],
    )
    def test_says_of_each_pin_what_is_wrong_with_it(self, shop: Desk, old: str, new: str, kind: type[Error]) -> None:
        pin(shop, "m:v0", "m")
        pin(shop, "m:v1", "other")
        pointer = shop.path / "m.dvc"
        changed = pointer.read_text().replace(old, new, 1)
        assert changed != pointer.read_text()
        pointer.write_text(changed)
        assert states(shop) == {"m": "broken", "other": "current"}
        with pytest.raises(kind):
            update(shop)
        assert pointer.read_text() == changed

    def test_sees_pins_that_are_tracked_or_new_and_none_that_git_ignores(self, shop: Desk) -> None:
        for name in ("tracked", "new", "hidden"):
            pin(shop, "m:v0", name)
        shop.sh("git add tracked.dvc && echo hidden.dvc >>.gitignore && ln -s new.dvc link.dvc && echo x >x.dvc")
        assert list(states(shop)) == ["new", "tracked"]


def test_when_one_file_cannot_be_written_none_is(shop: Desk) -> None:
    if os.geteuid() == 0:
        # root may write anywhere, so the folder is one that cannot hold a file
        (shop.path / "models").write_text("a file")
    else:
        (shop.path / "models").mkdir(mode=0o500)
    before = fingerprint(shop.path)
    with pytest.raises(StorageError):
        pin(shop, "m:v0", "models/m")
    assert fingerprint(shop.path) == before


def test_the_registry_may_be_another_repository(shop: Desk, world: World, sh: Shell) -> None:
    sh("git init --quiet service && cd service && git commit --quiet --allow-empty -m start")
    sh(
        f"git remote add models file://{world.server} && git config gitreg.remote models",
        world.server.parent / "service",
    )
    service = Desk(world.server.parent / "service", sh)
    setup.init(service.registry)
    service.fetch()
    done = pin(service, "m:production", "m")
    assert (str(done.pin.version), done.pin.remote) == ("m:v0", "storage")
    assert text(service, ".dvc/config") == f"['remote \"storage\"']\n    url = {world.storage}\n"
    service.registry.close()
