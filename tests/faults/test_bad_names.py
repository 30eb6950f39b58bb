"""Every place of the command line and of `import gitreg` that takes a word gets every kind of bad one.

What is refused is refused before anything is written, with one line that says what is wrong and one that says what to
do, and with nothing in them that a terminal would obey.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import badinput
import pytest
from badinput import MARK, NO_NAMES, Done

from conftest import Shell
from tally import INPUTS, Tally

STORY = f"""
git init --quiet --bare server.git && git init --quiet repo && cd repo && mkdir there
git remote add origin ../server.git && gitreg init --storage ../storage 2>/dev/null
echo one >file && git add . && git commit --quiet -m 'set up gitreg'
gitreg put file --name m --type model 2>/dev/null && gitreg link m:v0 model/M --alias production
gitreg run --name walk -- {sys.executable} -c 'import gitreg; gitreg.init().log({{"loss": 1}})' 2>/dev/null
! test -e {MARK}
"""

_TEXT: dict[str, tuple[str, ...]] = {"bytes that are no UTF-8": ("a\udcff", "\ud800")}
_LONG = "ten thousand characters"
_FILES: dict[str, tuple[str, ...]] = {
    "empty": ("",),
    _LONG: ("nowhere/" + "a" * 10_000, "a/" * 5_000),
}
# Families of words for places that take something else than a name.
FAMILIES: dict[str, Mapping[str, tuple[str, ...]]] = {
    "name": NO_NAMES,
    # an entity or a project of W&B's, which may hold more than a name
    "label": {
        "paths": ("..", ".", "../..", "a\\b"),
        "Git revisions and patterns": ("m:m", "m@{1}", ":/m", "m?"),
        **{family: NO_NAMES[family] for family in list(NO_NAMES)[5:9]},
        **{family: NO_NAMES[family] for family in list(NO_NAMES)[10:]},
    },
    "path to read": _FILES
    | {
        "what is not there": ("nowhere", "m\u202e", "no\x1b[31m", "../nowhere/x"),
        "bytes that are no UTF-8": ("nowhere\udcff",),
        "options": (f"--output={MARK}", "-x", f"--upload-pack=touch {MARK}"),
    },
    "what is not there": {
        "empty": ("",),
        "what is not there": ("nowhere", "m\u202e", "no\x1b[31m", "../file"),
        "bytes that are no UTF-8": ("nowhere\udcff",),
        _LONG: ("a" * 10_000,),
    },
    "path to write": _FILES | {"line breaks and NUL": ("x\0", "\0"), "below a file": ("file/x", "/dev/null/x")},
    "type": {
        "empty": ("", " "),
        "a path or a version": ("a/b", "a:b", "wandb-x", "job"),
        **{family: NO_NAMES[family] for family in list(NO_NAMES)[7:] if "others" not in family},
        "letters that look like others": ("a\u00adb",),
    },
    "text": _TEXT,
    "pair": {
        "empty": ("",),
        "no key or no value": ("a", "=a", "="),
        "a key that no record holds": ("a" * 10_000 + "=1",),
        "bytes that are no UTF-8": ("a\udcff=1", "a=\udcff", "a={b: \udcff}"),
    },
    "tag": {
        "empty": ("", " "),
        "paths": ("a/b", "..", ".", "a\\b"),
        "outside the grammar": (" a", "a ", "a,b", "a:b", "'a'", "$(x)", "a\u00adb"),
        **{family: NO_NAMES[family] for family in list(NO_NAMES)[7:9]},
        **{family: NO_NAMES[family] for family in list(NO_NAMES)[10:]},
    },
    "number": {
        "empty": ("",),
        "no number": ("x", "-1", "1.5", "²", "0x1", "∞", "1\0", "\x1b[31m", "--help", "\u202e1"),
        _LONG: ("9" * 10_000,),
    },
    "factor": {
        "no number": ("x", "", "0", "-1", "nan", "inf", "1e9", "0x1", "²", "1\0", "\x1b[31m", "--help"),
        _LONG: ("9" * 10_000,),
    },
    "positive number": {"no positive number": ("0", "00", "x", "-1", "+1", "1_0", "²", "1\0", "all ", "9" * 10_000)},
    "date": {
        "what git takes for now": ("garbage", "next year", "", " ", "never", "1", "u", "upstream", "-1", "m@{1}", "}"),
        "on no calendar": ("2026-02-30", "2026-01-01T25:00", "0000-00-00", "999999 years ago", "2026-01-01T00:00+24"),
        "in the future": ("9999-12-31", "2222-01-01T00:00Z"),
        **{family: NO_NAMES[family] for family in list(NO_NAMES)[5:]},
    },
    "condition": {
        "empty": ("", " "),
        "no condition": ("a", "config.lr", "<1", " =x", "a<", "a >= ", "=", "a~(", "a~*", "\0", "--where", "\u202e"),
        "no date": ("created<garbage", "created=1", "created>9999-12-31", "created>= never", "created!=2026-02-30"),
        "bytes that are no UTF-8": ("a=\udcff", "\udcff=a", "\ud800<1"),
    },
    "keys": {
        "empty": (",", "version,", " "),
        "bytes that are no UTF-8": ("a\udcff", "\ud800"),
    },
    "choice": {"none of them": ("docx", "", "SVG\0", "\x1b[31m", "--output=x", "svg\u200b", "svg\udcff")},
    "storage": {
        "empty": ("", " "),
        "options": (f"--output={MARK}", "-x", f"-oProxyCommand=touch {MARK}:x"),
        "remote helpers and hosts that are options": (
            f"ext::sh -c touch% {MARK}", "fd::17", f"ssh://-oProxyCommand=touch {MARK}/x", "ssh://u@-oX/x", "u@h:x",
            "ssh://h\\-o/x", "remote://x", "nope://x", "file://host/x", "file:x", "s3://", "s3:///x",
        ),
        "credentials": (
            "s3://KEY:secret@bucket/x", "s3://KEY:sec/ret@bucket", "s3://KEY@bucket", "https://u:p@h/x",
            "https://h/x?token=secret", "https://h/x#secret", "ssh://u:p@h/x", "ssh://u:p/q@h/x", "gs://K:s/e@b/x",
            "azure://K:s/e/t@c", "S3://KEY:sec/ret@bucket", "s3://KEY:sec?ret@bucket", "http://u:p#q@h/x",
        ),
        "line breaks and NUL": ("a\nb", "s3://b\n[core]", "a\0", "s3://b/\r", "file:///a%00b", "file:///a%0ab", "a\tb"),
        "what DVC's configuration takes for something else": ("s3://b/%(home)s", "%(x)s"),
        "the home of nobody": ("~nobody-of-this-name", "~0/x"),
        _LONG: ("a" * 10_000, "s3://" + "b" * 100_000),
        "direction controls": ("s3://b\u202ea", "a\u2066b"),
        "characters without width": ("s3://b\u200b", "\ufeffa"),
        "bytes that are no UTF-8": ("s3://b\udcff", "a\udcff", "file:///a%ff"),
        "terminal escapes": ("s3://b\x1b[31m", "a\x9b2J", "a\x7f"),
    },
    "owner": {
        "empty": ("",),
        "more than a word": (" ", "a b", "a\tb", "a\nb", "a\0", "#a", "a\x1b[31m", "a\u2028b", "a\udcff"),
    },
    "repository": {
        "empty": ("", " "),
        "options": (f"--upload-pack=touch {MARK}", "-x", f"-oProxyCommand=touch {MARK}:x", f"u@-oX=touch {MARK}:x"),
        "remote helpers and hosts that are options": (
            f"ext::sh -c touch% {MARK}", "fd::17", f"ssh://-oProxyCommand=touch {MARK}/x", "ssh://u@-oX/x", "nope://x",
            f"transport::sh -c touch% {MARK}", "https://", "https:///x", "ssh://", f"EXT::sh -c touch% {MARK}",
        ),
        "what is not there": ("nowhere", "../nowhere", "/dev/null/x"),
        _LONG: ("a" * 10_000, "https://h/" + "a" * 10_000),
        **{family: NO_NAMES[family] for family in list(NO_NAMES)[7:8]},
        "direction controls": ("https://h/\u202ea", "a\u2066b"),
        "bytes that are no UTF-8": ("https://h/\udcff", "a\udcff"),
        "terminal escapes": ("https://h/\x1b[31m", "a\x9b2J", "a\x7f"),
    },
    "branch": {
        "what a workflow would take for a pattern": ("", " ", "-x", "a*", "!a", "a?", "[a]", "a+b", "@a", "..", "a..b"),
        "out of the line": ("a\nb", 'a"', "a'", "a]", "a: b", "a #b", "${{ x }}", "$(x)", "a\0", "\x1b[31m", "a\udcff"),
    },
    "new branch": {
        "empty": ("", " "),
        "what git takes for something else": ("HEAD", "@{-1}", "a..b", "a~1", "a^", "a:b", "a?", "a*", "[a]", "a.lock"),
        "paths": ("/a", "a/", "a//b", ".a", "a/.b", "..", "a\\b", "a."),
        **{family: NO_NAMES[family] for family in ("options", "line breaks and NUL", _LONG, "direction controls")},
        **{family: NO_NAMES[family] for family in list(NO_NAMES)[10:]},
    },
    "revision": {
        "empty": ("", " "),
        "what is no commit": ("nowhere", "HEAD:file", "HEAD^{tree}", "a..b", "HEAD~999", ":/no such message", "-"),
        "options": ("--all", f"--output={MARK}", f"--upload-pack=touch {MARK}", "-x", "--end-of-options"),
        **{family: NO_NAMES[family] for family in list(NO_NAMES)[6:]},
    },
    "server": {"what is no line of git's": ("x", "a b c", "\x1b[31m", "refs/x " * 4)},
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a word goes: its kind, and the command around it with the word as `{}`."""

    kind: str
    command: tuple[str, ...]


def place(kind: str, command: str) -> Place:
    return Place(kind, tuple(command.split()))


# (command, click's name of the parameter) -> the same in use; several when the word can stand in several forms
PLACES: dict[tuple[str, str], list[Place]] = {
    ("", "directory"): [place("path to read", "-C {} ls")],
    ("", "color"): [place("choice", "--color={} ls")],
    ("init", "storage"): [place("storage", "init --storage={}")],
    ("init", "remote"): [place("name", "init --remote={}")],
    ("demo", "directory"): [place("path to write", "demo -- {}")],
    ("ci init", "host"): [place("choice", "ci init -- {}")],
    ("ci init", "owners"): [place("owner", "ci init github --owner=@team --owner={}")],
    ("ci init", "branch"): [place("branch", "ci init github --branch={}")],
    ("ci comment", "file"): [place("path to read", "ci comment --file={}")],
    ("ci comment", "request"): [place("positive number", "ci comment --file=file --request={}")],
    ("ci approvals", "commits"): [place("revision", "ci approvals -- HEAD {}")],
    ("completion", "shell"): [place("choice", "completion -- {}")],
    ("run", "name"): [place("text", "run --name={} -- true")],
    ("run", "job_type"): [place("text", "run --job-type={} -- true")],
    ("run", "config"): [place("pair", "run --config={} -- true")],
    ("run", "uses"): [place("name", "run --use={} -- true"), place("name", "run --use m --use={} -- true")],
    ("put", "source"): [place("path to read", "put --name n --type model -- {}")],
    ("put", "name"): [place("name", "put file --name={} --type model"), place("name", "put file --name=x/{} --type t")],
    ("put", "type_"): [place("type", "put file --name n --type={}")],
    ("put", "alias_names"): [place("name", "put file --name n --type model --alias good --alias={}")],
    ("put", "uses"): [place("name", "put file --name n --type model --use={}")],
    ("put", "metadata"): [place("pair", "put file --name n --type model --metadata={}")],
    ("put", "description"): [place("text", "put file --name n --type model --description={}")],
    ("link", "reference"): [place("name", "link -- {} model/N"), place("name", "link m:{} model/N")],
    ("link", "target"): [place("name", "link m -- {}"), place("name", "link m model/{}")],
    ("link", "alias_names"): [place("name", "link m model/N --alias={}")],
    ("edit", "name"): [
        place("name", "edit --tag=a -- {}"),
        place("name", "edit --tag=a -- m:{}"),
        place("name", "edit --ours -- {}"),
    ],
    ("edit", "description"): [place("text", "edit m --description={}"), place("text", "edit m:v0 --description={}")],
    ("edit", "tags"): [place("tag", "edit m --tag=good --tag={}"), place("tag", "edit m:v0 --tag={}")],
    ("edit", "untag"): [place("tag", "edit m --tag=good --untag={}")],
    ("edit", "card"): [place("path to read", "edit m --card={}")],
    ("edit", "reason"): [place("text", "edit m --tag=good --reason={}")],
    ("delete", "version"): [place("name", "delete -- {}"), place("name", "delete m:{}")],
    ("delete", "reason"): [place("text", "delete m:v0 --reason={}")],
    ("undelete", "version"): [place("name", "undelete -- {}"), place("name", "undelete m:{}")],
    ("undelete", "reason"): [place("text", "undelete m:v0 --reason={}")],
    ("unlink", "version"): [place("name", "unlink -- {}"), place("name", "unlink model/M:{}")],
    ("unlink", "reason"): [place("text", "unlink model/M:v0 --reason={}")],
    ("alias log", "name"): [place("name", "alias log -- {}"), place("name", "alias log model/M:{}")],
    ("alias log", "at"): [
        place("date", "alias log model/M:production --at={}"),
        place("date", "alias log --all --at={}"),
    ],
    ("alias log", "form"): [place("choice", "alias log --all --format={}")],
    ("alias log", "limit"): [place("positive number", "alias log --all --limit={}")],
    ("alias ls", "collection"): [place("name", "alias ls -- {}")],
    ("alias ls", "form"): [place("choice", "alias ls --format={}")],
    ("alias ls", "limit"): [place("positive number", "alias ls --limit={}")],
    ("alias reset", "name"): [place("name", "alias reset -- {}"), place("name", "alias reset model/M:{}")],
    ("alias rm", "name"): [place("name", "alias rm -- {}"), place("name", "alias rm model/M:{}")],
    ("alias rm", "reason"): [place("text", "alias rm model/M:production --reason={}")],
    ("alias set", "name"): [place("name", "alias set -- {} v0"), place("name", "alias set model/M:{} v0")],
    ("alias set", "version"): [place("name", "alias set model/M:new -- {}")],
    ("alias set", "reason"): [place("text", "alias set model/M:new v0 --reason={}")],
    ("alias set", "expected"): [place("name", "alias set model/M:new v0 --from={}")],
    ("ls", "collection"): [place("name", "ls -- {}")],
    ("ls", "type_"): [place("type", "ls --type={}")],
    ("ls", "alias"): [place("name", "ls --alias={}"), place("name", "ls m --alias={}")],
    ("ls", "project"): [place("text", "ls --project={}")],
    ("ls", "tag"): [place("tag", "ls --tag={}"), place("tag", "ls m --tag={}")],
    ("ls", "where"): [place("condition", "ls m --where={}")],
    ("ls", "sort"): [place("text", "ls m --sort={}")],
    ("ls", "columns"): [place("keys", "ls m --columns={}")],
    ("ls", "form"): [place("choice", "ls --format={}")],
    ("ls", "limit"): [place("positive number", "ls m --limit={}")],
    ("runs", "state"): [place("choice", "runs --state={}")],
    ("runs", "job_type"): [place("text", "runs --job-type={}")],
    ("runs", "project"): [place("text", "runs --project={}")],
    ("runs", "tags"): [place("text", "runs --tag good --tag={}")],
    ("runs", "where"): [place("condition", "runs --where state=failed --where={}")],
    ("runs", "sort"): [place("text", "runs --sort={}")],
    ("runs", "columns"): [place("keys", "runs --columns={}")],
    ("runs", "form"): [place("choice", "runs --format={}")],
    ("runs", "limit"): [place("positive number", "runs --limit={}")],
    ("steps", "run"): [place("name", "steps -- {}"), place("label", "steps a/{}/walk")],
    ("steps", "metrics"): [place("text", "steps walk -- {}"), place("text", "steps walk loss {}")],
    ("steps", "form"): [place("choice", "steps walk --format={}")],
    ("steps", "limit"): [place("positive number", "steps walk --limit={}")],
    ("show", "thing"): [place("name", "show -- {}"), place("name", "show m:{}"), place("label", "show a/{}/m")],
    ("diff", "old"): [place("name", "diff -- {}"), place("name", "diff m:{} m:v0")],
    ("diff", "new"): [place("name", "diff m -- {}"), place("date", "diff m model/M:production@{{}}")],
    ("diff", "form"): [place("choice", "diff m --format={}")],
    ("drop", "what"): [place("name", "drop -- {}"), place("name", "drop m:{}")],
    ("promote", "name"): [place("name", "promote -- {} v0"), place("name", "promote model/M:{} v0")],
    ("promote", "version"): [place("name", "promote model/M:new -- {}")],
    ("promote", "reason"): [place("text", "promote model/M:new v0 --reason={}")],
    ("promote", "branch"): [place("new branch", "promote model/M:new v0 --branch={}")],
    ("rollback", "name"): [place("name", "rollback -- {}"), place("name", "rollback model/M:{}")],
    ("rollback", "to"): [place("name", "rollback model/M:production --to={}")],
    ("rollback", "reason"): [place("text", "rollback model/M:production --reason={}")],
    ("rollback", "branch"): [place("new branch", "rollback model/M:production --branch={}")],
    ("plan", "base"): [place("revision", "plan --head=HEAD --base={}")],
    ("plan", "head"): [place("revision", "plan --base=HEAD --head={}")],
    ("apply", "base"): [place("revision", "apply --base={}")],
    ("apply", "head"): [place("revision", "apply --head={}")],
    ("apply", "approvals"): [place("path to read", "apply --approvals={}")],
    ("plan", "form"): [place("choice", "plan --base=HEAD --format={}")],
    ("fsck", "collections"): [place("name", "fsck -- {}"), place("name", "fsck -- m {}")],
    ("get", "reference"): [
        place("name", "get -- {}"),
        place("name", "get m@{}"),
        place("date", "get model/M:production@{{}}"),
    ],
    ("get", "output"): [place("path to write", "get m --output={}")],
    ("get", "repo"): [place("repository", "get m --repo={}")],
    ("get", "storage"): [place("storage", "get m --repo=../server.git --storage={}")],
    ("pin", "words"): [
        place("name", "pin -- {} there/m"),
        place("path to write", "pin m -- {}"),
        place("name", "pin m:{} there/m"),
    ],
    ("pin", "file"): [place("what is not there", "pin m there/m --file={}")],
    ("lineage", "reference"): [place("name", "lineage -- {}")],
    ("lineage", "form"): [place("choice", "lineage m --format={}")],
    ("lineage", "output"): [place("path to write", "lineage m --format svg --output={}")],
    ("lineage", "html"): [place("path to write", "lineage m --html={}")],
    ("lineage", "highlight"): [
        place("name", "lineage --highlight={}=v0"),
        place("name", "lineage m --highlight=model/M:production={}"),
    ],
    ("lineage", "theme"): [place("choice", "lineage m --format svg --theme={}")],
    ("lineage", "scale"): [place("factor", "lineage m --format png --scale={}")],
    ("lineage", "up"): [place("number", "lineage m --up={}")],
    ("lineage", "down"): [place("number", "lineage m --down={}")],
    ("hook install", "place"): [place("path to read", "hook install --server={}")],
    ("hook pre-push", "parent"): [place("number", "hook pre-push --parent={} origin ../server.git")],
}
RECOVER = ("run recover", "run_id")  # a command inside `run`, which click's tree does not show
PLACES[RECOVER] = [place("name", "run recover -- {}")]
# What follows COMMAND is the command's business, and what git tells its hook is not a person's.
EXEMPT = {("run", "command"), ("hook pre-push", "remote"), ("hook pre-push", "url")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the repository of this module lies, with its server and its storage."""
    return tmp_path_factory.mktemp("words")


@pytest.fixture
def world(folder: Path, sh: Shell, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository, made once: what is refused changes nothing in it."""
    if not (folder / "repo").exists():
        sh(STORY, cwd=folder)
    monkeypatch.chdir(folder / "repo")
    return folder


def complaints(done: Done, codes: Iterable[int]) -> list[str]:
    """What is wrong with how a word was refused."""
    found = [f"exit code {done.code}"] if done.code not in codes else []
    found += [f"prints {character!r}" for character in badinput.raw(done.out + done.err)]
    lines = done.err.removesuffix("\n").split("\n")
    if done.out:
        found.append("data on standard output")
    if [line.partition(":")[0] for line in lines] != ["error", "hint"]:
        found.append("not one error with one hint")
    if len(done.err) > 2_000:
        found.append("an error that nobody reads to its end")
    return [f"{what}: {done.err[:300]!r}" for what in found]


def test_no_place_of_the_command_line_is_forgotten() -> None:
    """A new command, argument or option needs a line in `PLACES`."""
    assert {(command, parameter.name or "") for command, parameter in badinput.parameters()} == {*PLACES, *EXEMPT} - {
        RECOVER
    }


CASES = [(f"{key[0]} {key[1]}".strip(), at) for key, places in PLACES.items() for at in places]


@pytest.mark.parametrize(("where", "at"), CASES, ids=[" ".join(at.command) for _, at in CASES])
def test_a_bad_word_is_refused_before_anything_is_written(
    world: Path, tally: Tally, where: str, at: Place, *, full: bool
) -> None:
    wrong: list[str] = []
    before = badinput.snapshot(world)
    for family, words in FAMILIES[at.kind].items():
        tried = held = 0
        for word in words if full or at.kind != "name" else words[:1]:
            done = badinput.run(*(part.replace("{}", word) for part in at.command))
            # the system, not gitreg, knows where nothing can be written
            found = complaints(done, (1, 2) if at.kind == "path to write" else (2, 6))
            after = badinput.snapshot(world)
            found += [f"changes {name}" for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
            wrong += [f"{word[:40]!r}: {what}" for what in found]
            before = after
            tried, held = tried + 1, held + (not found)
        tally.add(INPUTS, f"command line, {where}: {family}", tried=tried, held=held)
    assert not wrong, "\n".join(wrong)
    assert not list(world.rglob(MARK))
