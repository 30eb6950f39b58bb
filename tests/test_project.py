"""The project as a stranger gets it: what is installed, what is declared, what the top level holds."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import entry_points, requires
from pathlib import Path

import pytest

from conftest import DVC_GITIGNORE, Shell
from gitreg import templates
from gitreg.errors import Error
from test_layers import imports

ROOT = Path(__file__).resolve().parent.parent

# The files of the demo, as they must arrive with every kind of installation.
DEMO = {path.name for path in (ROOT / "templates" / "demo").iterdir() if path.is_file()}

LIST_TEMPLATES = "from gitreg import templates; p = templates.find('demo'); print(p, *(f.name for f in p.iterdir()))"


def fresh_environment(path: Path) -> Path:
    """Make a virtual environment that sees this one's libraries, but not its gitreg; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", path], check=True, capture_output=True)
    purelib = next((path / "lib").glob("python3.*/site-packages"))
    (purelib / "libraries.pth").write_text("".join(f"{entry}\n" for entry in sys.path if "site-packages" in entry))
    return path / "bin" / "python"


def pip(*arguments: str | Path) -> None:
    """Run pip without network and without building in isolation; show what it says when it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def found_by(python: Path, cwd: Path) -> tuple[Path, set[str]]:
    """Where the gitreg of `python` finds the demo's templates, and their names."""
    done = subprocess.run([python, "-c", LIST_TEMPLATES], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    place, *names = done.stdout.split()
    return Path(place), set(names) - {"__pycache__"}


def test_a_wheel_built_from_the_source_distribution_brings_the_templates(tmp_path: Path, sh: Shell) -> None:
    python = shlex.quote(sys.executable)
    sh(f"{python} -m hatchling build -t sdist -d {shlex.quote(str(tmp_path))}", cwd=ROOT)
    sh("mkdir source && tar -xzf gitreg-*.tar.gz -C source --strip-components=1")
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", tmp_path, tmp_path / "source")

    fresh = fresh_environment(tmp_path / "venv")
    (wheel,) = tmp_path.glob("gitreg-*.whl")
    pip("--python", fresh, "install", "--no-deps", "--no-index", wheel)

    place, names = found_by(fresh, tmp_path)
    assert place.is_relative_to(tmp_path / "venv")
    assert place.parent.name == "_templates"
    assert names == DEMO
    assert "Usage" in sh("venv/bin/gitreg --help")
    schemas = sorted(path.name for path in (place.parent.parent / "schemas").iterdir())
    assert schemas == sorted(path.name for path in (ROOT / "gitreg" / "schemas").iterdir())
    page = "from gitreg.lineage import graph, page; print(page.to_html(graph.Graph((), (), 'no lineage')))"
    assert "no lineage" in sh(f'venv/bin/python -c "{page}"')


def test_an_editable_install_uses_the_templates_of_the_checkout(tmp_path: Path) -> None:
    fresh = fresh_environment(tmp_path / "venv")
    pip("--python", fresh, "install", "--no-deps", "--no-index", "--no-build-isolation", "--editable", ROOT)

    assert found_by(fresh, tmp_path) == (ROOT / "templates" / "demo", DEMO)


def test_a_template_that_is_not_there_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(Error, match="template 'no/such' is missing") as caught:
        templates.find("no/such")
    assert caught.value.hint == "install gitreg again: pip install --force-reinstall gitreg"


def test_every_dependency_has_a_lower_and_an_upper_bound_or_is_a_tool_that_only_grows() -> None:
    declared = requires("gitreg")
    assert declared
    ours = [line for line in declared if not line.startswith("gitreg[") and not line.startswith("torch==")]
    unbounded = [line for line in ours if not re.search(r"<\d", line)]
    assert [re.split(r"\W", line)[0] for line in unbounded] == ["hatchling", "pip"]
    assert all(">=" in line for line in ours)


def test_every_library_that_gitreg_imports_is_declared() -> None:
    brought_by = {"PIL": "pillow", "git": "gitpython", "yaml": "pyyaml", "dvc_data": "dvc", "dvc_objects": "dvc"}
    brought_by |= {"fsspec": "dvc", "github": "pygithub", "gitlab": "python-gitlab", "sklearn": "scikit-learn"}
    brought_by |= {"aiobotocore": "dvc", "sshfs": "dvc"}  # by its plugins, and imported when these are there
    declared = {re.split(r"[^\w-]", line)[0].lower() for line in requires("gitreg") or []}
    imported = {
        name.split(".")[0]
        for path in (ROOT / "gitreg").rglob("*.py")
        for _, name in imports(ast.parse(path.read_bytes()))
    }
    foreign = imported - sys.stdlib_module_names - {"gitreg"}
    assert {name for name in foreign if brought_by.get(name, name) not in declared} == set()


def test_both_spellings_of_the_command_are_the_same_program() -> None:
    scripts = {
        point.name: point for point in entry_points(group="console_scripts") if point.module.startswith("gitreg")
    }
    assert set(scripts) == {"gitreg", "git-gitreg"}
    assert scripts["gitreg"].load() is scripts["git-gitreg"].load()


def test_the_repository_is_the_dvc_project_that_dvc_init_would_make(tmp_path: Path, sh: Shell) -> None:
    sh("git init --quiet && dvc init --quiet")
    made = {path.name: path.read_text() for path in (tmp_path / ".dvc").iterdir() if path.is_file()}
    ours = {name: (ROOT / ".dvc" / name).read_text() for name in made}
    assert ours == made
    assert made[".gitignore"] == DVC_GITIGNORE


def test_the_repository_of_the_tests_is_clean_and_has_the_same_commit_everywhere(repo: Path, sh: Shell) -> None:
    assert sh("git status --porcelain", cwd=repo) == ""
    assert sh("git rev-parse HEAD", cwd=repo) == "0d786c4111b00553c85547e75d4b2f0e4202e60f\n"
    assert sh("dvc root", cwd=repo) == ".\n"


def test_the_tests_see_nothing_of_the_machine_s_configuration(sealed: Path, sh: Shell) -> None:
    origins = sh("git config --list --show-origin | cut -f 1 | sort -u", cwd=sealed).split()
    assert origins == [f"file:{sealed}/.gitconfig"]
    assert sh("git var GIT_COMMITTER_IDENT") == "Test User <test@example.org> 1767323045 +0000\n"
    assert os.environ["HOME"] == str(sealed)


def test_shell_in_a_test_stops_at_the_first_failure_and_shows_its_words(sh: Shell) -> None:
    with pytest.raises(AssertionError, match=r"(?s)exit code 3.*spoken first.*spoken last"):
        sh("echo spoken first\necho spoken last >&2\n(exit 3)\ntouch not-reached")
    assert sh("ls") == ""


def test_the_top_level_holds_what_the_design_fixes() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a checkout")
    top = {path.split("/")[0] for path in tracked.stdout.split("\0") if path}
    fixed = {"pyproject.toml", "gitreg", "tests", ".dvc", "README.md", "templates"}
    assert top == fixed | {"LICENSE", "SECURITY.md", "CHANGELOG.md", "Makefile", ".ci", ".gitignore"}


def test_make_alone_lists_the_targets(sh: Shell) -> None:
    listed = sh("make --no-print-directory", cwd=ROOT)
    assert [line.split()[1] for line in listed.splitlines()] == [
        "help",
        "demo",
        "test",
        "test-tutorial",
        "test-frameworks",
        "bench",
        "faults",
        "lint",
        "format",
        "clean",
    ]
