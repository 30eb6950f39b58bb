"""What is written from the code is up to date, and the manual page is found and can be read.

After a change of a command, its help or a docstring: UPDATE_SNAPSHOTS=1 pytest tests/test_reference.py
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import gitreg
import reference
from conftest import Shell
from gitreg import errors
from test_layers import PACKAGE
from test_project import ROOT, fresh_environment, pip


def test_everything_that_is_written_from_the_code_is_up_to_date() -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        reference.write()
    stale = [path.name for path, text in reference.generated().items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "python tests/reference.py writes them"


def test_every_command_option_and_example_is_in_the_reference() -> None:
    page = reference.markdown()
    commands = [command for commands in reference.by_task().values() for command in commands]
    assert {"init", "run recover", "alias reset", "fsck"} <= {command.name for command in commands}
    for command in commands:
        assert f"\n### gitreg {command.name}\n" in page
        for written, _ in command.options:
            assert written.startswith("-h,") or f"\n- `{written}`: " in page
        for example in command.examples:
            assert f"\n{example}\n" in page


def test_every_name_that_import_gitreg_offers_is_in_the_reference() -> None:
    page = reference.python()
    assert [name for name in gitreg.__all__ if not re.search(rf"\bgitreg\.{name}\b", page)] == []


def test_every_exit_code_of_an_error_is_explained() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.Error)]
    codes = {kind.exit_code for kind in kinds}
    assert codes <= set(reference.EXIT_CODES)


def test_every_setting_and_variable_that_the_code_reads_is_explained() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    settings = set(re.findall(r"""config\(["'](gitreg\.\w+)""", source))
    assert settings == set(reference.CONFIGURATION)
    variables = set(re.findall(r'environ\.get\("(\w+)"', source))
    variables |= {f"GITREG_{name}" for name in re.findall(r'(?<!\.)\bget\("([A-Z_]+)"\)', source)}
    explained = set(", ".join(reference.ENVIRONMENT).split(", "))
    assert {name for name in variables if not name.startswith(("DVC_", "XDG_"))} - {"TERM"} <= explained


def test_words_in_single_quotes_are_code_and_nothing_is_markup_by_accident() -> None:
    assert reference._code("run 'git push' for the user's *<x>") == "run `git push` for the user's \\*\\<x>"
    assert reference._roff(".x 'git push' a-b \\") == "\\&.x \\fBgit push\\fR a\\-b \\e"
    assert reference._verbatim("-m 'a b'") == "\\-m \\(aqa b\\(aq"


@pytest.fixture
def man(need: Callable[[str], str]) -> str:
    """The path of man-db's `man`; others have other options, and minimized systems a placeholder of that name."""
    path = need("man")
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    if not done.stdout.startswith("man 2."):
        pytest.skip(f"'{path}' is not that of man-db")
    return path


class TestTheManualPage:
    def test_has_nothing_that_man_warns_about(self, man: str) -> None:
        page = reference.DOCS / "man" / "gitreg.1"
        done = subprocess.run(
            [man, "--warnings=w", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page],
            capture_output=True,
            check=False,
            env={**os.environ, "MANROFFOPT": "-ww"},
        )
        assert (done.returncode, done.stderr) == (0, b"")

    def test_shows_every_example_as_it_has_to_be_typed(self, man: str, sh: Shell) -> None:
        shown = sh(f"{man} -l gitreg.1", reference.DOCS / "man", {"MANPAGER": "cat", "MANWIDTH": "200"})
        lines = {line.strip() for line in shown.splitlines()}
        wanted = [
            line for commands in reference.by_task().values() for command in commands for line in command.examples
        ]
        assert [line for line in wanted if line not in lines] == []
        assert "git commit -m 'set up gitreg'" in lines
        assert all(f"gitreg.{setting}" in shown for setting in ("remote", "publish", "code"))

    @pytest.mark.parametrize("kind", ["wheel", "editable"])
    def test_is_found_beside_an_installed_command(self, kind: str, man: str, tmp_path: Path, sh: Shell) -> None:
        fresh = fresh_environment(tmp_path / "venv")
        flags = ["--no-deps", "--no-index", "--no-build-isolation"]
        if kind == "wheel":
            pip("wheel", *flags, "--wheel-dir", tmp_path, ROOT)
            (source,) = tmp_path.glob("gitreg-*.whl")
            pip("--python", fresh, "install", "--no-deps", "--no-index", source)
        else:
            pip("--python", fresh, "install", *flags, "--editable", ROOT)
        environment = {"PATH": f"{fresh.parent}{os.pathsep}{os.environ['PATH']}", "MANPAGER": "cat", "MANWIDTH": "80"}
        places = sh("man --path gitreg; man --where gitreg; man --where git-gitreg", env=environment)
        assert places.count(str(tmp_path / "venv" / "share" / "man" / "man1")) >= 1, places
        for command in ("man gitreg", "man git-gitreg", "git gitreg --help", "git help gitreg"):
            shown = sh(command, env=environment)
            assert "gitreg, git-gitreg - a model registry that lives inside Git" in shown, command
            assert "gitreg alias set [OPTIONS] COLLECTION:ALIAS VERSION" in shown
