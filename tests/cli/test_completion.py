"""TAB, by the real shells.

What the commands take is kept in `gitreg/cli/shells/commands.json`; after a change that is meant:
UPDATE_SNAPSHOTS=1 pytest tests/cli/test_completion.py
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from conftest import Shell
from desks import Desk
from gitreg.cli import completion
from gitreg.cli.main import SECTIONS, cli
from terminal import Terminal

TABLE = Path(completion.__file__).parent / "shells" / "commands.json"
UPDATE = bool(os.environ.get("UPDATE_SNAPSHOTS"))
WORDS = {name: words for section in SECTIONS.values() for name, (_, words) in section.items()}


def described(command: click.Command, words: str = "") -> dict[str, Any]:
    """What the table says of a command and of those below it."""
    context = click.Context(command)
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    entry: dict[str, Any] = {
        "help": words or command.get_short_help_str(100),
        "params": [parameter_of(parameter, context) for parameter in shown],
    }
    if not command.context_settings.get("allow_interspersed_args", True):
        entry["greedy"] = True
    if isinstance(command, click.Group):
        children = {name: command.get_command(context, name) for name in command.list_commands(context)}
        entry["commands"] = {
            name: described(child, WORDS.get(name, "") if command is cli else "")
            for name, child in children.items()
            if child and not child.hidden
        }
    return entry


def parameter_of(parameter: click.Parameter, context: click.Context) -> dict[str, Any]:
    item: dict[str, Any] = {"name": parameter.name, "metavar": parameter.make_metavar(context)}
    kind = parameter.type
    if isinstance(kind, click.Choice):
        item = {"name": parameter.name, "choices": list(kind.choices)}
    elif isinstance(kind, click.Path):
        item["path"] = "file" if kind.file_okay else "dir"
    elif kind is click.UNPROCESSED:
        item["path"] = "file"
    if parameter.nargs != 1:
        item["nargs"] = parameter.nargs
    if isinstance(parameter, click.Option):
        opts = [*parameter.opts, *parameter.secondary_opts]
        if parameter.is_flag:
            item = {"name": parameter.name, "flag": True}
            if parameter.secondary_opts:
                opts = ["/".join(opts)]
        item |= {"opts": opts, "help": parameter.help}
        if parameter.multiple:
            item["multiple"] = True
        if context.command is cli and parameter.callback is not None and not parameter.expose_value:
            item |= {} if parameter.name == "version" else {"common": True}
    return item


def test_the_table_is_what_the_commands_are() -> None:
    # a line for each command and each parameter
    text = re.sub(r'(?<=.)(?=\{"(?:help|name)")', "\n", json.dumps(described(cli), ensure_ascii=False)) + "\n"
    if UPDATE:
        TABLE.write_text(text)
    assert TABLE.read_text() == text


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """A repository with a few names in it."""
    for content in "abc":
        desk.log("mnist", content)
    desk.log("digits", "d", type="dataset")
    desk.link(desk.version("mnist:v0"), "model/Digits")
    desk.link(desk.version("mnist:v1"), "model/Digits")
    desk.promote("model/Digits:production", "v1")
    desk.promote("model/Digits:gone", "v1")
    desk.promote("model/Digits:gone", None)
    desk.promote("mnist:best", "v2")
    return desk


def asked(cwd: Path, *words: str) -> list[str]:
    """What is offered at the end of these words of a command line; files are told as `<file>`."""
    before = Path.cwd()
    os.chdir(cwd)
    try:
        answer = completion._answer("zsh", words)
    finally:
        os.chdir(before)
    return [value if kind == "word" else f"<{kind}>" for kind, value, _ in answer]


OFFERED = {
    "al": "alias",
    "alias l": "log ls",
    "get ": "digits mnist model/Digits",
    "get mn": "mnist mnist:best mnist:latest mnist:v2 mnist:v1 mnist:v0",
    "get model/": "model/Digits model/Digits:production model/Digits:latest model/Digits:v1 model/Digits:v0",
    "get mnist:": "mnist:best mnist:latest mnist:v2 mnist:v1 mnist:v0",
    "get mnist:v1": "mnist:v1",
    "get model/Digits@p": "model/Digits@production",
    "get nothing:": "",
    "get mnist -o ": "<dir>",
    "get mnist ": "",
    "put --use=dig": "--use=digits --use=digits:latest --use=digits:v0",
    "put ": "<file>",
    "put --name m": "mnist model/Digits",
    "link mnist ": "model/Digits",
    "alias set model/": "model/Digits:production",
    "alias set model/Digits:": "model/Digits:production",
    "alias set model/Digits:production v": "v1 v0",
    "diff mnist:v0 di": "digits digits:latest digits:v0",
    "lineage --highlight model/Digits:production=v": "model/Digits:production=v1 model/Digits:production=v0",
    "alias rm m": "mnist model/Digits",
    "put x --alias ": "best production",
    "ls d": "digits",
    "fsck digits m": "mnist model/Digits",
    "drop dig": "digits digits:latest digits:v0",
    "pin digits ": "<file>",
    "run -- ": "<file>",
    "run --use digits:": "digits:latest digits:v0",
    "lineage --format sv": "svg",
    "lineage --format=sv": "--format=svg",
    "ls --color ": "auto always never",
    "-C ": "<dir>",
    "completion ": "bash zsh fish",
    "get --js": "",
    "show --js": "--json",
}


class TestWhatIsOffered:
    def test_fits_the_place(self, shop: Desk) -> None:
        found = {line: " ".join(asked(shop.path, "gitreg", *line.split(" "))) for line in OFFERED}
        assert found == OFFERED

    def test_is_of_the_repository_that_is_meant(self, shop: Desk, tmp_path: Path) -> None:
        assert asked(tmp_path, "gitreg", "-C", shop.path.name, "get", "dig")[0] == "digits"
        line = ("git", "-c", "x.y=z", "-C", shop.path.name, "gitreg", "get", "dig")
        assert asked(tmp_path, *line)[0] == "digits"

    def test_outside_of_a_repository_is_no_name(self, tmp_path: Path) -> None:
        assert asked(tmp_path, "gitreg", "get", "") == []
        assert asked(tmp_path / "..", "gitreg", "-C", "nowhere", "get", "") == []
        assert asked(tmp_path, "gitreg", "pu") == ["push", "put"]

    def test_runs_are_offered_once_an_id_has_begun(self, shop: Desk) -> None:
        run_id = shop.details("mnist:v0").run.id
        assert asked(shop.path, "gitreg", "drop", run_id[:4]) == [run_id]
        assert run_id not in asked(shop.path, "gitreg", "drop", "")

    def test_what_others_published_is_among_it(self, ada: Desk, bob: Desk) -> None:
        ada.log("mnist", "x")
        ada.promote("mnist:best", "v0")
        ada.publish()
        bob.fetch()
        bob.log("mnist", "y")
        assert asked(bob.path, "gitreg", "get", "mnist:") == ["mnist:best", "mnist:latest", "mnist:v1", "mnist:v0"]

    def test_of_many_versions_the_newest_are(self, shop: Desk) -> None:
        tag = shop.git("rev-parse mnist@v0")
        lines = "".join(f"create refs/tags/big@v{number} {tag}\n" for number in range(10_000))
        subprocess.run(["git", "update-ref", "--stdin"], input=lines.encode(), cwd=shop.path, check=True)
        shop.git("pack-refs --all")
        assert asked(shop.path, "gitreg", "get", "big:") == [
            "big:latest",
            *(f"big:v{n}" for n in range(9999, 9969, -1)),
        ]
        assert asked(shop.path, "gitreg", "get", "big:v12")[0] == "big:v1299"
        assert asked(shop.path, "gitreg", "get", "") == ["big", "digits", "mnist", "model/Digits"]

    def test_is_never_what_a_shell_would_obey(self, shop: Desk) -> None:
        bad = "x;touch${IFS}pwned `touch${IFS}pwned` $(touch${IFS}pwned) 'x x\" x|x x&x x>pwned <x -x x!x".split()
        bad += ["\u202ex", "x\u2028x", "x\u200b"]
        tag = shop.git("rev-parse mnist@v0")
        commit = shop.git("rev-parse mnist@v0^{}")
        names = [f"refs/tags/{name}@v0 {tag}" for name in bad]
        names += [f"refs/tags/mnist@{name} {tag}" for name in bad]
        names += [f"refs/gitreg/aliases/mnist@{name} {commit}" for name in bad]
        names += [f"refs/gitreg/runs/{name[:2]}/{name} {commit}" for name in bad if name[:2] != ".."]
        lines = "".join(f"create {line}\n" for line in names)
        subprocess.run(["git", "update-ref", "--stdin"], input=lines.encode(), cwd=shop.path, check=True)
        for key in ("core.fsmonitor", "core.pager", "pager.for-each-ref", "alias.for-each-ref", "core.sshCommand"):
            shop.git(f"config {key} '!touch pwned'")
        assert asked(shop.path, "gitreg", "get", "") == ["digits", "mnist", "model/Digits"]
        assert asked(shop.path, "gitreg", "get", "mnist:")[:2] == ["mnist:best", "mnist:latest"]
        assert asked(shop.path, "gitreg", "put", "--alias", "") == ["best", "production"]
        for begun in ("x", "$", "`", "<", "*", "[a-z]*", "m*", "?", "../", "--x="):
            assert not [word for word in asked(shop.path, "gitreg", "drop", begun) if re.search(r"[^\w./:=-]", word)]
        assert not list(shop.path.rglob("pwned"))


def test_two_git_processes_are_the_most_and_nothing_heavy_is_imported(
    shop: Desk, tmp_path: Path, need: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "git"
    program.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/log\nexec {need("git")} "$@"\n')
    program.chmod(0o755)
    for words in (
        "get ",
        "get m",
        "get mnist",
        "get mnist:v",
        "alias set model/Digits:p",
        "alias set mnist:best ",
        "drop 3",
    ):
        (tmp_path / "log").write_text("")
        asked(shop.path, "gitreg", *words.split(" "))
        assert 0 < len((tmp_path / "log").read_text().splitlines()) <= 2, words
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    monkeypatch.setenv("_GITREG_COMPLETE", "zsh_complete")
    done = subprocess.run(["gitreg", "gitreg", "get", "m"], cwd=shop.path, capture_output=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    assert "gitreg.registry.offers" in loaded
    assert not loaded & {"git", "yaml", "dvc", "rich", "numpy", "gitreg.registry.repository"}


class Asked:
    """An interactive shell in which somebody presses TAB; `words` is what then stands on the line."""

    def __init__(self, cwd: Path, *argv: str, setup: str) -> None:
        # a shell that waits for the end of something would wait for ever
        argv = ("timeout", "--foreground", "--signal=KILL", "120", *argv)
        self.terminal = Terminal(*argv, cwd=cwd, env={"PS1": "here> ", "TERM": "xterm", "LC_ALL": "C.UTF-8"})
        self.terminal.until("here> ")
        self.terminal.type(f"{setup}\n")

    def __call__(self, *lines: str) -> list[list[str]]:
        for line in lines:
            # to the line's beginning, where a command is put that prints the words
            self.terminal.type(f"{line}\x01printf '<%s>' \n echo\n")
        self.terminal.type("exit\n")
        code, out = self.terminal.end()
        assert code == 0, (out, self.terminal.drawn)
        return [re.findall("<(.*?)>", line) for line in out.splitlines()]


_EVERY = "\x1b*"  # readline's key that inserts all there is


class TestBash:
    SETUP = 'bind "set bell-style none"; eval "$(gitreg completion bash)"'

    @pytest.fixture
    def bash(self, shop: Desk, need: Callable[[str], str]) -> Asked:
        return Asked(shop.path, need("bash"), "--norc", "--noprofile", "-i", setup=self.SETUP)

    def test_completes_the_line(self, bash: Asked) -> None:
        lines = [
            "gitreg sta\t",
            "gitreg alias lo\t",
            "gitreg get model/Digits:pro\t",
            "gitreg get model/Digits@pro\t",
            "gitreg get 'model/Digits:pro\t",
            'gitreg get "mnist:b\t',
            "gitreg lineage --format=sv\t",
            "gitreg lineage --no-r\t",
            "gitreg ls dig\t",
            f"gitreg get mnist:{_EVERY}",
            f"gitreg put --name {_EVERY}",
            "gitreg put REA\t",
            "gitreg -C .d\t",
        ]
        found = bash(*lines)
        assert [words[1:] for words in found] == [
            ["status"],
            ["alias", "log"],
            ["get", "model/Digits:production"],
            ["get", "model/Digits@production"],
            ["get", "model/Digits:production"],
            ["get", "mnist:best"],
            ["lineage", "--format=svg"],
            ["lineage", "--no-runs"],
            ["ls", "digits"],
            ["get", "mnist:best", "latest", "v2", "v1", "v0"],
            ["put", "--name", "digits", "mnist", "model/Digits"],
            ["put", "README"],
            ["-C", ".dvc/"],
        ]

    def test_completes_behind_git(self, shop: Desk, need: Callable[[str], str]) -> None:
        theirs = Path("/usr/share/bash-completion/completions/git")
        if not theirs.exists():
            pytest.skip("git's completion for bash is not installed")
        bash = Asked(shop.path, need("bash"), "--norc", "--noprofile", "-i", setup=f". {theirs}; {self.SETUP}")
        found = bash("git gitreg get model/Digits:pro\t", "git -C .. gitreg sta\t", f"git gitreg get mnist:v{_EVERY}")
        assert [words[1:] for words in found] == [
            ["gitreg", "get", "model/Digits:production"],
            ["-C", "..", "gitreg", "status"],
            ["gitreg", "get", "mnist:v2", "v1", "v0"],
        ]

    def test_the_script_is_sound(self, sh: Shell, need: Callable[[str], str]) -> None:
        script = Path(completion.__file__).parent / "shells" / "gitreg.bash"
        sh(f"'{need('shellcheck')}' --shell=bash '{script}'", env={"LC_ALL": os.environ["LC_ALL"]})


class TestZsh:
    def test_completes_the_line(self, shop: Desk, need: Callable[[str], str]) -> None:
        setup = 'bindkey -e; unsetopt BEEP; autoload -U compinit && compinit -u -D && eval "$(gitreg completion zsh)"'
        zsh = Asked(shop.path, need("zsh"), "-f", "-i", setup=setup)
        found = zsh(
            "gitreg sta\t",
            "gitreg get model/Digits:pro\t",
            "gitreg get model/Digits@pro\t",
            "gitreg get 'model/Digits:pro\t",
            "gitreg lineage --format=sv\t",
            "gitreg put REA\t",
            "gitreg get -o .d\t",
            "git gitreg get mnist:b\t",
        )
        assert [words[1:] for words in found] == [
            ["status"],
            ["get", "model/Digits:production"],
            ["get", "model/Digits@production"],
            ["get", "model/Digits:production"],
            ["lineage", "--format=svg"],
            ["put", "README"],
            ["get", "-o", ".dvc"],
            ["gitreg", "get", "mnist:best"],
        ]


class TestFish:
    def complete(self, cwd: Path, sh: Shell, line: str) -> list[str]:
        """What fish itself would show for a line; its answers have descriptions behind a tab."""
        script = f"gitreg completion fish | source; complete -C '{line}'"
        return [answer.partition("\t")[0] for answer in sh(f'fish --no-config -c "{script}"', cwd=cwd).splitlines()]

    def test_completes_the_line(self, shop: Desk, sh: Shell, need: Callable[[str], str]) -> None:
        need("fish")
        for line, expected in {
            "gitreg sta": ["status"],
            "gitreg get model/Digits:pro": ["model/Digits:production"],
            "gitreg get mnist:": ["mnist:best", "mnist:latest", "mnist:v2", "mnist:v1", "mnist:v0"],
            "gitreg lineage --format=sv": ["--format=svg"],
            "gitreg put REA": ["README"],
            "git gitreg get mnist:b": ["mnist:best"],
            "git gitreg alias lo": ["log"],
        }.items():
            assert self.complete(shop.path, sh, line) == expected, line
