"""Text from strangers on a terminal: no command prints raw what a terminal would obey or an eye not see."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import badinput
import click
import pytest
from badinput import Done

from conftest import Shell
from tally import INPUTS, Tally

# A title, a colour, a cleared screen in one byte, a link, a return, text backwards, nothing between letters.
EVIL = "\x1b]0;owned\x07\x1b[31m\x9b2J\x1b]8;;http://x\x07\r\u202eevil\u2066\u200b\ufeff\u2028\x7f\xad"
# What of it a ref may hold: Git refuses control characters in ASCII there.
SILENT = "\u202eevil\u2066\u200b\ufeff\u2028\xad\x9b"

# Everything that may hold any text holds the worst: names, descriptions, values and their keys, reasons, tags, files,
# who committed and tagged, the branch, the remote's address, the folder of the storage.
STORY = r"""
git init --quiet --bare server.git && git init --quiet repo && cd repo && git remote add origin ../server.git
mkdir ../storage && gitreg init --storage ../storage 2>/dev/null
echo 'print(1)' >train.py && git add . && git commit --quiet -m "$EVIL" && git checkout --quiet -b "$SILENT"
export GIT_COMMITTER_NAME="$EVIL" GIT_AUTHOR_NAME="$EVIL" GIT_COMMITTER_EMAIL="$EVIL@x"
mkdir ../data && echo data >"../data/a$EVIL" && echo more >../data/plain
echo one >../m
gitreg run --name "$EVIL" --job-type "$EVIL" --config "$EVIL=$EVIL" --config "k={$SILENT: [$SILENT]}" -- \
    gitreg put ../data --name data --type dataset --description "$EVIL" --metadata "k=$EVIL" --metadata "$EVIL=v"
gitreg run --name "$EVIL" --use data -- gitreg put ../m --name m --type "a type" --metadata "k=$EVIL"
gitreg run --name "$EVIL" -- false || true
gitreg link m:v0 model/M && gitreg alias set model/M:production v0 --reason "$EVIL"
gitreg alias set model/M:staging v0 --reason "$EVIL" && gitreg alias rm model/M:staging --reason "$EVIL"
python -c 'import gitreg, os, logging
logging.disable()
evil = os.environ["EVIL"]
with gitreg.init(id="noted", notes=evil, tags=[evil], config={evil: {evil: [evil]}}) as run:
    run.log({evil: evil, "k": {evil: 1.5}})
    run.summary[evil] = evil'
printf '# %s\n' "$EVIL" >../card && gitreg edit data --description "$EVIL" --card ../card --reason "$EVIL"
gitreg put ../m --name gone --type model && gitreg edit gone:v0 --description "$EVIL$EVIL" --tag tag
gitreg delete gone:v0 --reason "$EVIL"
git tag -a -m "$EVIL" "$SILENT@v0" && git tag -a -m "$EVIL" "m@v7"
mkdir -p .gitreg/aliases && printf '"%s": v0\n' "$SILENT" >.gitreg/aliases/data.yaml
printf 'staging: {version: v0, reason: "%s"}\n' "$SILENT" >.gitreg/aliases/m.yaml
touch ".gitreg/aliases/$SILENT.yaml"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the world of this module lies."""
    return tmp_path_factory.mktemp("terminal")


@pytest.fixture
def world(folder: Path, sh: Shell, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server and a clone full of hostile text, made once."""
    monkeypatch.setenv("EVIL", EVIL)
    monkeypatch.setenv("SILENT", SILENT)
    if not (folder / "repo").exists():
        sh(STORY, cwd=folder)
    monkeypatch.chdir(folder / "repo")
    return folder


def commands() -> list[str]:
    """Every command, as it is typed."""
    return [path for path, command in badinput.commands() if not isinstance(command, click.Group)]


# What each command is tried with, in an order that a repository survives. `{}` is hostile text of its own.
TRIED = {
    "ls": [
        "", "data", "m", "--json", "data --json", "{}", "--format csv", "data --format tsv", "--type {}", "--alias {}",
        "--sort {}", "data --columns version,metadata,{}", "data --where {}<1", "data --where version={}",
        "--tag {}", "--deleted", "gone --deleted", "gone --deleted --json",
    ],
    "show": [
        "data --card", "gone", "gone:v0", "gone:v0 --deleted", "gone:v0 --deleted --json",
        "data", "data --json", "m:v0", "m:v0 --json", "model/M", "m", "m:{}", "{}", "data:v0", "data:v0 --json",
    ],
    "diff": [
        "data:v0 m:v0", "m:v0 data:v0 --json", "m:v0 data:v0 --format markdown", "data", "{} m", "m:{}",
        "m m --format {}",
    ],
    "runs": [
        "", "--json", "--format csv", "--format tsv", "--state {}", "--tag {}", "--columns id,config,summary",
        "--sort {}", "--where name~{}", "--where {}",
    ],
    "steps": ["noted", "noted {}", "noted --json", "noted --format csv", "noted --format tsv", "{}"],
    "alias ls": ["", "--json", "{}"],
    "alias log": ["model/M:production", "model/M:production --json", "model/M:staging", "model/M:{}",
                  "--all", "--all --format csv", "--all --format tsv", "model/M --at now", "--all --at={}"],
    "lineage": [
        "data", "m:v0", "--all", "--all --format svg", "--all --format dot", "--all --json", "--all --no-runs",
        "--all --no-collapse --format svg", "--all --format mermaid", "--all --format md", "m:v0 --highlight {}",
        "m:v0 -o {}.svg", "m:v0 --format {}",
    ],
    "status": ["", "--json", "--drift", "--drift --json"],
    "promote": ["data:a v0 --reason {}", "data:{} v0", "data:a {}", "data:a v0 --branch {}", "{} --remove"],
    "rollback": ["model/M:production --reason {}", "model/M:production --to {}", "model/M:staging --branch {}", "{}"],
    "plan": [
        "--base HEAD", "--base HEAD --json", "--base HEAD --format markdown", "--base {}", "--base HEAD --head {}",
        "--base HEAD --format {}",
    ],
    "apply": ["", "--json", "--dry-run", "--head {}", "--base {}", "--approvals {}"],
    "get": ["data -o ../got", "data -o ../{}", "m:v0", "data --references", "{}", "m --repo {}",
            "{} --repo ../server.git", "m --repo ../server.git --storage {}", "m --repo ../server.git --offline"],
    "fsck": ["", "--json"],
    "doctor": ["", "--json"],
    "put": ["../data --name data --type dataset --description {}", "{} --name x --type y", "../m --name {} --type y"],
    "link": ["m:v0 model/{}", "{} model/X", "m:v7 model/X"],
    "alias set": ["model/M:a v0 --reason {}", "model/M:a {}", "model/M:{} v0", "model/M:a v0 --from {}"],
    "alias reset": ["model/M:a", "{}"],
    "alias rm": ["model/M:{}", "model/M:production --reason {}"],
    "edit": [
        "data --description {}", "data --tag {}", "data --untag {}", "data --card {}", "data --tag a --reason {}",
        "{} --tag a", "data:{} --tag a", "data --theirs", "data --ours",
    ],
    "delete": ["data:v0 --reason {}", "data:{}", "{}"],
    "undelete": ["data:v0 --reason {}", "data:v0", "{}"],
    "unlink": ["model/M:v0 --reason {}", "data:v0", "{}"],
    "drop": ["data:v0", "{}"],
    "run": ["--name {} -- {}", "--use {} -- true", "--config {} -- true", "-- true", "import {}"],
    "init": ["--remote {}", "--storage {}", "--storage {}://x", ""],
    "pin": ["", "--json", "--check", "{}", "m:{}", "m:v0 {}", "m:v0 --file {}"],
    "completion": ["bash", "{}"],
    "ci init": ["github --branch {}", "shell --owner {}", "{}"],
    "ci comment": ["--file {}", "--file train.py", "--file train.py --request {}"],
    "ci approvals": ["", "{}"],
    "fetch": [""],
    "push": [""],
    "demo": ["{}/\0"],
    "hook install": ["--server {}", "--server ."],
    "hook pre-receive": [""],
    "hook pre-push": ["--parent 1 origin {}", "--parent 1 {} {}", "--parent {} a b"],
}  # fmt: skip


def test_every_command_is_tried() -> None:
    assert {*commands()} == {*TRIED}


def typed(command: str, words: str) -> Done:
    """A command with its words, each `{}` the hostile text."""
    return badinput.run(*command.split(), *(word.replace("{}", EVIL) for word in words.split(" ") if word))


def safe(done: Done, what: str) -> None:
    assert done.code != 70, (what, done.err)
    assert not badinput.raw(done.out + done.err), (what, done)


@pytest.mark.parametrize("command", TRIED)
def test_no_command_prints_a_strangers_text_raw(world: Path, tally: Tally, command: str) -> None:
    for words in TRIED[command]:
        with tally.attempt(INPUTS, f"hostile text never reaches the terminal: {command}"):
            done = typed(command, words)
            safe(done, f"{command} {words!r}")
            if "--json" in words and not done.code:
                assert json.loads(done.out)


def test_pictures_and_documents_are_still_well_formed(world: Path, tally: Tally) -> None:
    from xml.etree import ElementTree as ET

    with tally.attempt(INPUTS, "hostile text in a picture: well-formed SVG"):
        done = typed("lineage", "--all --format svg")
        assert done.code == 0
        assert "evil" in "".join(ET.fromstring(done.out).itertext())  # noqa: S314 - we have just made it
    with tally.attempt(INPUTS, "hostile text in JSON comes back as it was"):
        assert EVIL in json.loads(typed("show", "data --json").out)["description"]


HOOK = """#!/bin/sh
printf '%s\\n' "$EVIL" "error: $EVIL" "hint: $EVIL" >&2
exit 1
"""


def test_what_a_server_says_is_shown_and_not_obeyed(world: Path, tally: Tally) -> None:
    hook = world / "server.git" / "hooks" / "update"
    hook.write_text(HOOK)
    hook.chmod(0o755)
    # something that is not published yet
    assert badinput.run("put", "train.py", "--name", "code", "--type", "code").code == 0
    try:
        with tally.attempt(INPUTS, "hostile text never reaches the terminal: what a server's hook says"):
            done = badinput.run("push")
            assert done.code in (1, 5)
            assert "evil" in done.err
            safe(done, "push")
        with tally.attempt(INPUTS, "hostile text never reaches the terminal: what a server's hook says to git push"):
            line = f"refs/heads/x {'1' * 40} refs/heads/{SILENT} {'0' * 40}\n".encode()
            done = badinput.run("hook", "pre-push", "--parent", "1", "origin", "../server.git", stdin=line)
            safe(done, "hook pre-push")
    finally:
        hook.unlink()


@pytest.mark.parametrize(
    "address", [f"file:///nowhere/{EVIL}", f"../{SILENT}", f"ext::sh -c {EVIL}", f"ssh://-oProxyCommand={EVIL}/x"]
)
def test_what_git_says_of_an_address_is_shown_and_not_obeyed(world: Path, tally: Tally, address: str) -> None:
    subprocess.run(["git", "config", "remote.origin.url", address], check=True)
    try:
        for command in ("fetch", "push", "status", "ls", "doctor", "init"):
            with tally.attempt(INPUTS, "hostile text never reaches the terminal: a remote's address"):
                done = badinput.run(command)
                safe(done, command)
                if command == "fetch":
                    assert done.code == 1
    finally:
        subprocess.run(["git", "config", "remote.origin.url", "../server.git"], check=True)


def test_names_of_folders_are_shown_and_not_obeyed(world: Path, tally: Tally) -> None:
    place = world / f"folder {EVIL.replace('/', '')}"
    shutil.copytree(world / "repo", place)
    for command in ("ls", "status", "doctor", "init", "show data", "put nothing --name x --type y", "get data"):
        with tally.attempt(INPUTS, "hostile text never reaches the terminal: the folder's name"):
            safe(badinput.run("-C", str(place), *command.split()), command)
    (place / ".git" / "config").write_text(f"[core\n{EVIL}")
    for command in ("ls", "doctor", "init"):
        with tally.attempt(INPUTS, "hostile text never reaches the terminal: git's words about a broken repository"):
            done = badinput.run("-C", str(place), *command.split())
            safe(done, command)
            assert done.code


# What no shell or terminal would let pass as a word: argv is bytes.
WORDS = [b"m\xff", b"\x1b]0;x\x07", b"--\xff", "\u202e".encode(), b"m:\x9b\xc0", b"a\nb"]


@pytest.mark.parametrize("word", WORDS, ids=repr)
def test_a_real_process_takes_bytes_that_are_no_text(world: Path, tally: Tally, word: bytes, *, full: bool) -> None:
    for command in (b"show", b"", b"get", b"alias ls", b"run --use", b"-C")[: 6 if full else 1]:
        with tally.attempt(INPUTS, "arguments of a real process: bytes that are no text"):
            done = subprocess.run(
                [b"gitreg", *command.split(), word], capture_output=True, check=False, stdin=subprocess.DEVNULL
            )
            assert done.returncode in (2, 6), done
            assert not badinput.raw((done.stdout + done.stderr).decode())
            assert done.stderr.decode().startswith("error: ")


def test_a_terminal_that_is_no_utf_8_gets_no_traceback(world: Path, tally: Tally, *, full: bool) -> None:
    for locale in ("C", "POSIX") if full else ("C",):
        with tally.attempt(INPUTS, "a terminal that knows only ASCII"):
            environment = {**os.environ, "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
            commands = ("show data", "lineage --all", "runs", "show data --json", "alias log model/M:production")
            for command in commands if full else commands[:2]:
                done = subprocess.run(["gitreg", *command.split()], capture_output=True, check=False, env=environment)
                assert done.returncode == 0, (command, done)
                assert b"\x1b" not in done.stdout + done.stderr
