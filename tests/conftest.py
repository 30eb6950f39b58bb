"""Seals the tests off from the machine they run on, and makes the repositories they play in.

Nothing of the user's Git, DVC or gitreg configuration is seen or written; commits have one identity and one time, so
that their ids are the same on every machine.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["browser", "desks", "tally"]

CLOCK = "2026-01-02T03:04:05Z"
IDENTITY = ("Test User", "test@example.org")

_FOREIGN = ("GIT_", "GITREG_", "DVC_", "WANDB_", "XDG_")

_GIT_CONFIG = f"""\
[user]
    name = {IDENTITY[0]}
    email = {IDENTITY[1]}
    useConfigOnly = true
[init]
    defaultBranch = main
[commit]
    gpgSign = false
[tag]
    gpgSign = false
[protocol "file"]
    allow = always
[advice]
    detachedHead = false
[gc]
    auto = 0
[maintenance]
    auto = false
"""

# What `dvc init` writes; test_project.py compares it with what the installed DVC writes.
DVC_GITIGNORE = "/config.local\n/tmp\n/cache\n"

# Several workers share few cores, so the time that one example takes says nothing.
settings.register_profile("gitreg", settings(), deadline=None)
settings.load_profile("gitreg")

# A job in the background of a script ignores Ctrl-C, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

Shell = Callable[..., str]


class ShellError(AssertionError):
    """A command of a test's story failed; the text holds the command and all it printed."""


def sealed_environment(home: Path) -> dict[str, str]:
    """Return this process's environment with everything of the machine's configuration replaced by `home`.

    Creates `home` and the configuration files in it. The running Python's scripts (`gitreg`, `dvc`) come first on PATH.
    """
    home.mkdir(parents=True, exist_ok=True)
    (home / ".gitconfig").write_text(_GIT_CONFIG)
    dvc = home / ".config" / "dvc"
    dvc.mkdir(parents=True, exist_ok=True)
    (dvc / "config").write_text("[core]\n    analytics = false\n    check_update = false\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return kept | {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_EDITOR": "false",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_DATE": CLOCK,
        "GIT_COMMITTER_DATE": CLOCK,
        "DVC_NO_ANALYTICS": "1",
        "DVC_GLOBAL_CONFIG_DIR": str(dvc),
        "DVC_SYSTEM_CONFIG_DIR": str(home / "etc" / "dvc"),
        "DVC_SITE_CACHE_DIR": str(home / ".cache" / "dvc-site"),
        "LC_ALL": "C.UTF-8",
        "LOKY_MAX_CPU_COUNT": "1",  # joblib warns where it cannot count the cores
        "NO_COLOR": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]),
        "TZ": "UTC",
    }


def run_shell(script: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a readable piece of shell with `-eu` and return its standard output.

    `env` is added to the (sealed) environment. Raises: ShellError with all output when a command fails.
    """
    environment = None if env is None else {**os.environ, **env}
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    out, err = (data.decode("utf-8", "backslashreplace") for data in (done.stdout, done.stderr))
    if done.returncode:
        printed = f"--- script\n{script}\n--- stdout\n{out}\n--- stderr\n{err}"
        raise ShellError(f"exit code {done.returncode} in {cwd}\n{printed}")
    return out


@pytest.fixture(autouse=True)
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home directory of this test, the only configuration that git, dvc and gitreg can see."""
    home = tmp_path_factory.mktemp("home")
    environment = sealed_environment(home)
    # not the test's own monkeypatch, whose undo() would break the seal
    with pytest.MonkeyPatch.context() as seal:
        for name in set(os.environ) - set(environment):
            seal.delenv(name)
        for name, value in environment.items():
            seal.setenv(name, value)
        yield home


@pytest.fixture
def sh(tmp_path: Path) -> Shell:
    """`sh(script, cwd=tmp_path, env=None)`: run shell with `-eu`, return its stdout, raise with its output."""

    def run(script: str, cwd: Path = tmp_path, env: Mapping[str, str] | None = None) -> str:
        return run_shell(script, cwd, env)

    return run


@pytest.fixture
def repo(tmp_path: Path, sh: Shell) -> Path:
    """A fresh Git repository on `main` that is a DVC project, with one commit."""
    path = tmp_path / "repo"
    sh("git init --quiet repo && mkdir repo/.dvc")
    (path / ".dvc" / ".gitignore").write_text(DVC_GITIGNORE)
    (path / ".dvc" / "config").write_text("")
    (path / "README").write_text("a project\n")
    sh("git add . && git commit --quiet -m 'start the project'", cwd=path)
    return path


@pytest.fixture
def project(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The `repo` as the current directory; a run that the test leaves open ends with it."""
    from gitreg.sdk import session

    monkeypatch.chdir(repo)
    yield repo
    for run in list(session._session.open):
        run.finish(exit_code=1)


@pytest.fixture(scope="session")
def need() -> Callable[[str], str]:
    """`need(program)`: its path. Without it the test is skipped, and in CI (`CI` is set) it fails."""
    in_ci = bool(os.environ.get("CI"))

    def find(program: str) -> str:
        path = shutil.which(program)
        if path is None:
            (pytest.fail if in_ci else pytest.skip)(f"'{program}' is not installed")
        return path

    return find
