"""An untrusted tree's own `.git/config` names programs wherever Git lets it: commands that read start none of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from odd_kinds import BASE, IN_CLONE, gitreg
from stories import World, copy

from tally import FAULTS, Tally

# `EVIL` leaves a mark and fails
SETTINGS = """
core.fsmonitor=EVIL
core.hooksPath=HOOKS
core.sshCommand=EVIL
core.gitProxy=EVIL
core.askPass=EVIL
core.editor=EVIL
core.pager=EVIL
core.alternateRefsCommand=EVIL
core.attributesFile=ATTRIBUTES
sequence.editor=EVIL
diff.external=EVIL
diff.evil.textconv=EVIL
diff.evil.command=EVIL
merge.evil.driver=EVIL
filter.evil.clean=EVIL
filter.evil.smudge=EVIL
filter.evil.process=EVIL
filter.evil.required=true
gpg.program=EVIL
gpg.ssh.program=EVIL
gpg.ssh.defaultKeyCommand=EVIL
log.showSignature=true
credential.helper=!EVIL
pager.config=EVIL
pager.for-each-ref=EVIL
pager.rev-parse=EVIL
pager.remote=EVIL
alias.cat-file=!EVIL
alias.for-each-ref=!EVIL
alias.rev-parse=!EVIL
alias.config=!EVIL
uploadpack.packObjectsHook=EVIL
remote.origin.uploadpack=EVIL
remote.origin.receivepack=EVIL
remote.origin.url=ext::EVIL
remote.origin.pushurl=ext::EVIL
protocol.allow=always
protocol.ext.allow=always
url.ext::EVIL.insteadOf=https://example.org/
submodule.lib.update=!EVIL
trace2.eventTarget=EVIL
gc.recentObjectsHook=EVIL
browser.evil.cmd=EVIL
web.browser=evil
man.viewer=evil
mergetool.evil.cmd=EVIL
tar.evil.command=EVIL
interactive.diffFilter=EVIL
rebase.instructionFormat=%x
difftool.evil.cmd=EVIL
""".split()

READING = """
ls
ls theirs
show theirs
show theirs --json
runs
runs --json
lineage theirs
lineage --all --format json
alias ls
status
get theirs -o OUT
""".strip().splitlines()


@pytest.fixture
def hostile(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A clone whose configuration, hooks and attributes name a program that leaves a mark."""
    world = copy(BASE, tmp_path_factory, tmp_path / "world")
    world(IN_CLONE + "gitreg fetch 2>/dev/null", "")
    arm(world)
    return world


def arm(world: World) -> None:
    evil, hooks, attributes = (world.folder / name for name in ("evil", "hooks", "attributes"))
    evil.write_text(f"#!/bin/sh\necho \"$0 $*\" >>'{world.folder}/ran'\nexit 1\n")
    evil.chmod(0o755)
    hooks.mkdir()
    names = "pre-push post-checkout reference-transaction post-index-change pre-auto-gc fsmonitor-watchman update"
    for name in names.split():
        (hooks / name).symlink_to(evil)
        # where they lie when core.hooksPath does not count
        (world.folder / "odd" / ".git" / "hooks" / name).unlink(missing_ok=True)
        (world.folder / "odd" / ".git" / "hooks" / name).symlink_to(evil)
    attributes.write_text("* filter=evil diff=evil merge=evil\n")
    (world.folder / "odd" / ".git" / "info" / "attributes").write_text("* filter=evil diff=evil merge=evil\n")
    world("git config --unset-all remote.origin.url", "odd")
    with (world.folder / "odd" / ".git" / "config").open("a") as config:
        for setting in SETTINGS:
            filled = setting
            for word, path in (("EVIL", evil), ("HOOKS", hooks), ("ATTRIBUTES", attributes)):
                filled = filled.replace(word, str(path))
            key, _, value = filled.partition("=")
            section, _, name = key.partition(".")
            part, _, name = name.rpartition(".")
            config.write(f'[{section} "{part}"]\n' if part else f"[{section}]\n")
            config.write(f'{name} = "{value}"\n')


def marks(world: World) -> str:
    file = world.folder / "ran"
    return file.read_text() if file.exists() else ""


def test_reading_in_an_untrusted_tree_starts_none_of_its_programs(hostile: World, tally: Tally) -> None:
    # what is tracked looks modified, which would ask filters and file system monitors
    (hostile.folder / "odd" / "train.py").write_text("changed\n")
    for command in READING:
        with tally.attempt(FAULTS, "hostile .git/config: a command that reads starts none of its programs"):
            done = gitreg(command.replace("OUT", str(hostile.folder / "got")).split(), hostile.folder / "odd")
            assert marks(hostile) == "", command
            assert done.code == 0, done


def test_the_marks_would_be_seen(hostile: World) -> None:
    hostile.attempt("git status; git fetch; git diff", "odd")
    assert "ext" in marks(hostile) or "evil" in marks(hostile)


# what the tree of the partial clone has before it is armed, and must ask its remote for
CUT = """
git clone --quiet --filter=tree:0 --no-checkout file://$PWD/server.git odd
git -C odd config remote.origin.url ../server.git && git -C odd sparse-checkout set --cone .dvc >/dev/null
git -C odd checkout --quiet main
"""


@pytest.mark.parametrize("url", ["ssh://example.org/x", "ext::EVIL", "https://example.org/", "../server.git"])
@pytest.mark.parametrize(
    "command",
    ["show theirs", "show theirs:latest", "diff theirs:v0 theirs:v0", "get theirs -o OUT", "lineage theirs", "runs"],
)
def test_reading_in_a_partial_clone_fetches_nothing_with_its_programs(
    command: str, url: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, tally: Tally
) -> None:
    world = copy(BASE, tmp_path_factory, tmp_path / "world")
    world(CUT, "")
    arm(world)
    world(f"git config remote.origin.url '{url.replace('EVIL', str(world.folder / 'evil'))}'", "odd")
    with tally.attempt(FAULTS, "hostile .git/config in a partial clone: reading fetches nothing with its programs"):
        done = gitreg(command.replace("OUT", str(world.folder / "got")).split(), world.folder / "odd")
        assert marks(world) == ""
        if ":latest" in command:
            assert "the list is not here" in done.out
        if command.startswith("get"):
            error, hint = done.err.splitlines()
            assert "is not in this clone" in error
            assert "reading fetches nothing while the repository's own configuration has" in hint
