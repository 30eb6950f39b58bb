"""`.ci/setup` on machines that lack something: what is missing is named with the command that brings it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A Debian without root's apt-get, and with a python3 that lacks python3-venv and python3-pip.
TOOLS = ("cat", "cksum", "dirname", "env", "git", "id", "rm", "sh")
BARE_PYTHON = f"""\
#!/bin/sh
case "$*" in
*"import ensurepip"* | *"import os, pip"* | *virtualenv*) exit 1 ;;
esac
exec '{sys.executable}' "$@"
"""
OLD_PYTHON = "#!/bin/sh\nexit 1\n"
NO_PIP = """\
#!/bin/sh
case "$*" in
--version) echo 'Python 3.12.0' ;;
*"-m pip"*) echo "pip was started" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout's `.ci/setup`, beside a folder `bin` that is all a machine has."""
    (tmp_path / "checkout" / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "setup", tmp_path / "checkout" / ".ci")
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "checkout")
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path / "checkout"


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def set_up(checkout: Path, **environment: str) -> tuple[int, str]:
    """Exit code and standard error of `.ci/setup demo`."""
    env = {"PATH": str(checkout.parent / "bin"), "HOME": str(checkout.parent), **environment}
    done = subprocess.run(
        ["sh", ".ci/setup", "demo"], cwd=checkout, env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_without_a_python_it_names_the_packages(checkout: Path) -> None:
    status, said = set_up(checkout)
    assert status == 1
    assert said == (
        "error: Python 3.10 or newer is missing\n"
        "hint: sudo apt-get install python3 python3-venv\n"
        "hint: or name it: make PYTHON=/path/to/python3\n"
    )


def test_a_python_that_is_too_old_is_passed_over(checkout: Path) -> None:
    script(checkout.parent / "bin" / "python3", OLD_PYTHON)
    status, said = set_up(checkout)
    assert status == 1
    assert said.startswith("error: Python 3.10 or newer is missing\n")


def test_a_python_that_cannot_make_environments_gets_the_name_of_its_package(checkout: Path) -> None:
    script(checkout.parent / "bin" / "python3", BARE_PYTHON)
    status, said = set_up(checkout)
    assert status == 1
    package = f"python3.{sys.version_info.minor}-venv"
    assert f"error: a virtual environment cannot be made with python3\nhint: sudo apt-get install {package} " in said
    assert not (checkout / ".venv").exists()


def test_a_folder_that_is_no_environment_is_never_removed(checkout: Path) -> None:
    (checkout / "mine").mkdir()
    (checkout / "mine" / "thesis.txt").write_text("years of work\n")
    status, said = set_up(checkout, VENV="mine")
    assert (status, said.splitlines()[0]) == (1, "error: 'mine' is there and is no virtual environment")
    assert (checkout / "mine" / "thesis.txt").exists()


def test_dependencies_are_installed_again_only_when_they_have_changed(checkout: Path) -> None:
    script(checkout / ".venv" / "bin" / "python", NO_PIP)
    assert set_up(checkout)[0] == 1

    script(checkout / ".venv" / "bin" / "python", NO_PIP.replace("exit 1", "exit 0"))
    assert "pip was started" in set_up(checkout)[1], "a failed installation leaves no stamp"
    assert "pip was started" not in set_up(checkout)[1]
    with (checkout / "pyproject.toml").open("a") as project:
        project.write("# another dependency\n")
    assert "pip was started" in set_up(checkout)[1]


def test_without_a_converter_the_demo_goes_on_and_says_what_it_lacks(checkout: Path) -> None:
    script(checkout / ".venv" / "bin" / "python", NO_PIP.replace("exit 1", "exit 0"))
    status, said = set_up(checkout)
    assert status == 0
    assert "'rsvg-convert' is missing: lineage cannot be drawn as PNG or PDF" in said
    assert "sudo apt-get install librsvg2-bin" in said
