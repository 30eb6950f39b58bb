"""Bad words by family, a command line without a process for each try, and a look at all that a mistake could touch."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import click

from gitreg.cli.main import _COMMANDS, _run, cli

# A file that no word may make: every word that asks for a command or an output names it.
MARK = "pwned"

# Families of words that are no name (FORMAT.md 1), by what somebody meant or wanted with them. The first of each is
# tried in every place, the others in `make faults`.
NO_NAMES: dict[str, tuple[str, ...]] = {
    "empty": ("", " ", "\u3000"),
    "outside the grammar": (
        "a b", "-a", ".a", "a..b", "a.", "a.lock", "a.LOCK", "a.dvc", "a.sha256", "a.files", "dvc.yaml", "dvc.lock",
        "HEAD", "con", "NUL.txt", "com1.tar.gz", "a,b", "a;b", "a|b", "a&b", "$(x)", "`x`", "'a'", '"a"', "a=b", "%s",
    ),
    "object ids": ("0" * 40, "aBcDeF01" * 5, "f" * 64),
    "Git revisions and patterns": (
        "m@{1}", "m~1", "m^", "m^{tree}", ":/m", "HEAD^", "*", "m*", "[m]", "m?", "m..m", "^m",
        "@{u}", "!m", "m:m:m", "m@@v0",
    ),
    "paths": (
        "../../m", "/etc/passwd", "a//b", "m/", "a/b/c/d", "a\\b", "C:\\m", "../m", "./m", "~/m", "a/../m", "m/..",
        "a/.git/config", "..", ".", "/",
    ),
    "options": (
        f"--upload-pack=touch {MARK}", f"--output={MARK}", "-x", "--", "-", f"-oProxyCommand=touch {MARK}", "--help=x",
        f"--receive-pack=touch {MARK}", f"--exec=touch {MARK}", "-c", "--git-dir=/", "--end-of-options",
    ),
    "remote helpers and hosts that are options": (
        f"ext::sh -c touch% {MARK}", "fd::17", f"ssh://-oProxyCommand=touch {MARK}/m", f"-oProxyCommand=touch {MARK}:m",
        "file:///etc/passwd", "http://u:secret@h/m", "ext::x/m", f"transport::sh -c touch% {MARK}",
    ),
    "line breaks and NUL": ("m\nm", "m\n", "\nm", "m\rm", "m\tm", "m\0m", "\0", "m\x0bm", "m\x85m", "m\u2028m"),
    "ten thousand characters": ("a" * 10_000, "a/" * 5_000, "/".join(("a" * 4_000, "b" * 4_000, "m")), "\x1b" * 10_000),
    "letters that look like others": ("\u043cnist", "ｍ", "m\u0301", "ﬁ", "m\u00adm", "ｖ0", "\u2024m"),
    "direction controls": ("\u202em", "m\u2066m", "m\u061c", "\u200fm"),
    "characters without width": ("m\u200b", "\ufeffm", "m\u2060m", "m\u200d"),
    "bytes that are no UTF-8": ("m\udcff", "\udcc3\udc28", "\ud800"),
    "terminal escapes": ("\x1b]0;m\x07", "\x1b[31mm", "m\x9b2J", "\x1b]8;;http://x\x07m", "m\x08\x08m", "\x7fm"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left."""

    code: int
    out: str
    err: str


class _Output(io.TextIOWrapper):
    """A standard stream, as a terminal in UTF-8 has it."""

    def __init__(self, errors: str) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors=errors, write_through=True)

    def text(self) -> str:
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode()


def run(*arguments: str, stdin: bytes = b"") -> Done:
    """`gitreg ARGUMENTS`, in this process: what `main` does but for ending it."""
    out, err = _Output("strict"), _Output("backslashreplace")
    given = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "stdin", given),
        mock.patch.object(sys, "argv", ["gitreg", *arguments]),
    ):
        code = _run()
    return Done(code, out.text(), err.text())


# What a terminal would obey, or an eye does not see.
_RAW = [*map(chr, (*range(9), *range(11, 32), *range(0x7F, 0xA0))), "\xad", "\u061c", "\u2028", "\u2029", "\ufeff"]
RAW = frozenset(_RAW + [chr(code) for code in (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070))])


def raw(text: str) -> set[str]:
    """The characters of a text that must never be shown as they are."""
    return set(text) & RAW


def snapshot(folder: Path) -> Mapping[str, object]:
    """Everything below a folder: of files size and time, of links where they lead. What is derived is left out."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if "/gitreg/index" in name:
            continue
        info = path.lstat()
        found[name] = (
            path.readlink() if path.is_symlink() else "folder" if path.is_dir() else (info.st_size, info.st_mtime_ns)
        )
    return found


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and group, hidden ones too, as it is typed: `alias set`; '' is `gitreg` itself."""

    def below(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
        yield " ".join(path), command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in _COMMANDS if command is cli else command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                yield from below(child, (*path, name))

    return below(cli, ())


def parameters() -> Iterator[tuple[str, click.Parameter]]:
    """Every place of the command line that takes a word: `alias set`, and the parameter."""
    for path, command in commands():
        for parameter in command.params:
            # the global options are tried once, before the command
            if not (isinstance(parameter, click.Option) and (parameter.is_flag or parameter.hidden)):
                yield path, parameter


def words(family: str, *, full: bool) -> tuple[str, ...]:
    """The words of a family to try."""
    return NO_NAMES[family] if full else NO_NAMES[family][:1]
