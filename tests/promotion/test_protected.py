"""A protected alias is not moved directly, by whichever door; the way that is open is named."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import gitreg
from desks import Desk
from gitreg.errors import ProtectedAliasError, SettingsError
from gitreg.registry import editing
from helpers import fingerprint

RULES = "aliases: {production: {protected: true}, 'm:staging': {protected: true}}"


def protect(desk: Desk, rules: str = RULES) -> None:
    """What the default branch says from now on."""
    policy = desk.path / ".gitreg" / "policy.yaml"
    policy.parent.mkdir(exist_ok=True)
    policy.write_text(f"{rules}\n")
    desk.sh("git add .gitreg && git commit --quiet -m policy")
    if desk.git("remote"):
        desk.sh("git push --quiet origin HEAD:main")


def command(desk: Desk, line: str) -> tuple[int, str]:
    done = subprocess.run(
        ["sh", "-c", f"gitreg {line}"], cwd=desk.path, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return done.returncode, done.stderr.decode()


@pytest.fixture
def shelf(ada: Desk) -> Desk:
    """A clone with m:v0 and m:v1 published, both named, and then protected."""
    for content in ("zero", "one"):
        ada.log("m", content)
    ada.link(ada.version("m:v0"), "model/M")
    for name in ("m:production", "m:staging", "model/M:staging"):
        ada.promote(name, "v0")
    ada.publish()
    protect(ada)
    return ada


def test_the_command_line_refuses_before_anything_is_written(shelf: Desk) -> None:
    (shelf.path / "file").write_text("two")
    before, refs = fingerprint(shelf.path), shelf.refs()
    for line, way in {
        "alias set m:production v1": "gitreg promote m:production v1",
        "alias set m:staging v1 --from v0": "gitreg promote m:staging v1",
        "alias rm m:production": "gitreg promote m:production --remove",
        "put file --name m --type model --alias fine --alias production": "gitreg promote m:production VERSION",
        "link m:v1 model/M --alias production": "gitreg promote model/M:production VERSION",
        "delete m:v0 --delete-aliases": "gitreg promote m:production VERSION",
    }.items():
        code, error = command(shelf, line)
        assert code == 4, error
        assert "is protected" in error
        assert error.endswith(f"{way}\n")
    assert fingerprint(shelf.path) == before
    assert shelf.refs() == refs


def test_what_is_not_protected_moves_as_ever_and_so_does_what_stays(shelf: Desk) -> None:
    assert shelf.promote("model/M:other", "v0")
    assert not shelf.promote("m:production", "v0")
    assert command(shelf, "alias rm model/M:staging")[0] == 0


def test_the_way_for_a_version_that_is_not_published_begins_with_that(shelf: Desk) -> None:
    shelf.log("m", "two")
    with pytest.raises(ProtectedAliasError) as caught:
        shelf.promote("m:production", "v2")
    assert caught.value.alias == "m:production"
    assert caught.value.hint == "publish m:v2, then ask for it: gitreg promote m:production v2"


def test_the_sdk_keeps_what_was_logged_and_moves_none_of_the_aliases(
    shelf: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shelf.path)
    Path("file").write_text("two")
    with gitreg.init() as run:
        with pytest.raises(ProtectedAliasError, match="'m:production' is protected"):
            run.log_artifact("file", name="m", type="model", aliases=["fine", "production"])
        assert shelf.all() == ["m:v0", "m:v1", "m:v2 (unpublished)", "model/M:v0"]
        assert shelf.place("m:fine") == ""
        logged = run.use_artifact("m:v1")
        logged.aliases.append("production")
        with pytest.raises(ProtectedAliasError):
            logged.save()
        named = run.use_artifact("m:v0")
        named.aliases = ["fine"]
        with pytest.raises(ProtectedAliasError) as caught:
            named.save()
        assert str(caught.value.hint).endswith("--remove")
        assert shelf.place("m:fine") == ""
        with pytest.raises(ProtectedAliasError):
            run.link_artifact(logged, "model/M", aliases=["production"])
        assert shelf.all()[-1] == "model/M:v0"
    assert shelf.place("m:production") == "m:v0"


def test_moves_from_before_it_was_protected_are_not_published(ada: Desk, bob: Desk) -> None:
    for content in ("zero", "one"):
        ada.log("m", content)
    ada.publish()
    bob.fetch()
    bob.promote("m:production", "v1")
    bob.promote("m:other", "v1")
    protect(ada)
    bob.git("fetch --quiet")
    report = bob.publish()
    assert report.aliases == ["m:other -> v1"]
    assert [(item.name, item.why.partition(":")[0]) for item in report.refused] == [("m:production", "it is protected")]
    code, error = command(bob, "push")
    assert code == 1
    assert "give it up with 'gitreg alias reset m:production', and ask for it with 'gitreg promote'" in error
    assert command(bob, "alias reset m:production")[0] == 0
    assert command(bob, "push")[0] == 0


def test_only_what_the_default_branch_says_counts(shelf: Desk) -> None:
    # neither a branch of one's own nor the working tree loosens it
    shelf.sh("git checkout --quiet -b mine && git rm --quiet .gitreg/policy.yaml && git commit --quiet -m loose")
    with pytest.raises(ProtectedAliasError):
        shelf.promote("m:production", "v1")


def test_a_policy_that_cannot_be_read_protects_everything(shelf: Desk) -> None:
    protect(shelf, "aliases: {production: {protected: perhaps}}")
    with pytest.raises(SettingsError, match="line 1: "):
        shelf.promote("model/M:other", "v0")
    with pytest.raises(SettingsError):
        editing.delete(shelf.registry, shelf.version("m:v0"), delete_aliases=True)


def test_without_a_remote_the_current_branch_counts(three: Desk) -> None:
    protect(three)
    with pytest.raises(ProtectedAliasError):
        three.promote("m:production", "v1")
    assert three.promote("m:other", "v1")
