"""A machine that jobs are run on, and a host with the example of the pages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
import web_server
from actions import Tools
from api_double import ApiDouble, ForgejoApi, GitHubApi
from doubles import TOKEN, served
from gitlab_double import GitLabDouble
from host import Host
from pipeline import Pipelines
from runner import Runner

from test_docs import TODAY, WORLD

ROOT = Path(__file__).resolve().parent.parent.parent
REPOSITORY = "team/models"
# all jobs have one environment: what pip has installed into it needs no second look, which takes half a second each
PIP = """\
#!/bin/sh
done="$0-$(printf '%s\\n' "$@" | cksum | tr ' ' -)"
[ -e "$done" ] || { "$0.once" "$@" && touch "$done"; }
"""
DATES = {"GIT_COMMITTER_DATE": TODAY, "GIT_AUTHOR_DATE": TODAY}


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """A Python that has all libraries and no gitreg, and gitreg as a wheel: what `pip install gitreg` needs offline."""
    place = tmp_path_factory.mktemp("tools")
    libraries = place / "libraries"
    libraries.mkdir()
    for folder in (Path(entry) for entry in sys.path if "site-packages" in entry):
        for item in folder.iterdir():
            if "gitreg" not in item.name and not (libraries / item.name).exists():
                (libraries / item.name).symlink_to(item)
    _run(sys.executable, "-m", "venv", "--without-pip", place / "python")
    binaries = place / "python" / "bin"
    packages = next((place / "python" / "lib").glob("python3.*/site-packages"))
    (packages / "libraries.pth").write_text(f"{libraries}\n")
    (binaries / "pip.once").write_text(
        f"#!{binaries}/python\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
    )
    (binaries / "pip").write_text(PIP)
    for script in ("pip", "pip.once"):
        (binaries / script).chmod(0o755)
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place / "wheels")
    return Tools(binaries, place / "wheels")


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the example of the pages is made once, and then copied; absolute paths in it name `place`."""
    return tmp_path_factory.mktemp("story")


@pytest.fixture
def place(example: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example of the pages."""
    folder, kept = example / "place", example / "as-it-was"
    if not kept.exists():
        folder.mkdir()
        _shell(f"({WORLD}) 2>&1", folder)
        folder.rename(kept)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept, folder, symlinks=True)
    monkeypatch.setenv("GIT_COMMITTER_DATE", TODAY)
    monkeypatch.setenv("GIT_AUTHOR_DATE", TODAY)
    return folder


@pytest.fixture
def forgejo() -> bool:
    """Whether the host is Forgejo, and not GitHub."""
    return False


@pytest.fixture
def api(*, forgejo: bool) -> Iterator[ApiDouble]:
    """The host's API."""
    with served(ForgejoApi if forgejo else GitHubApi) as server:
        yield cast("ApiDouble", server)


@pytest.fixture
def url(place: Path, tmp_path: Path, need: Callable[[str], str]) -> Iterator[str]:
    """The address of a Git server, with the example as its repository; the clones know it by its address."""
    (tmp_path / "repositories" / "team").mkdir(parents=True)
    (tmp_path / "repositories" / f"{REPOSITORY}.git").symlink_to(place / "server.git")
    (tmp_path / "jobs").mkdir()
    with web_server.git_server(tmp_path / "repositories", tmp_path / "web", need) as server:
        for clone in ("work", "other"):
            _shell(f"git remote set-url origin {server.address(REPOSITORY)}", place / clone)
        yield server.url


@pytest.fixture
def host(url: str, place: Path, tmp_path: Path, tools: Tools, api: ApiDouble, *, forgejo: bool) -> Host:
    """A host on that server, with workflows."""
    runner = Runner(url, REPOSITORY, tmp_path / "jobs", tools, DATES, api=api.api, forgejo=forgejo)
    return Host(place / "server.git", runner, api, tmp_path / "host")


@pytest.fixture
def pipelines(url: str, place: Path, tmp_path: Path, tools: Tools) -> Iterator[tuple[Pipelines, GitLabDouble]]:
    """A GitLab project on that server, with its API; the tokens are in its settings."""
    settings = {"GITREG_COMMENT_TOKEN": TOKEN, "GITREG_PUSH_TOKEN": web_server.WRITER}
    with served(GitLabDouble) as api:
        project = f"{url}/{REPOSITORY}"
        yield (
            Pipelines(place / "server.git", project, tmp_path / "jobs", tools, DATES, settings, api.api),
            cast("GitLabDouble", api),
        )


def _shell(script: str, folder: Path) -> None:
    _run("sh", "-euc", script, cwd=folder)


def _run(*command: str | Path, cwd: Path = ROOT) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
