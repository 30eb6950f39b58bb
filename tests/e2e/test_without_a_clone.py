"""A deployment script: `gitreg get --repo`, over real servers, by many processes, killed, and from strangers."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from git_servers import HttpServer, http_server, ssh_server

from conftest import run_shell

PASSWORD = "s3cret"  # noqa: S105 - of the server that the test starts
STORY = """
git init --quiet --bare server.git
git clone --quiet server.git work 2>/dev/null
cd work
gitreg init --storage ../storage 2>/dev/null
git add . && git commit --quiet -m 'set up gitreg'
for number in 0 1 2; do
  echo "weights $number" >model.bin
  gitreg put model.bin --name m --type model 2>/dev/null
done
gitreg alias set m:production v1
gitreg link m:v1 model/M --alias production
git push --quiet origin main
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the story is told once, as the address of the storage is in every version."""
    return tmp_path_factory.mktemp("told") / "place"


@pytest.fixture
def folder(told: Path, tmp_path: Path) -> Path:
    """A server with a model in three versions, its storage, a clone, and an empty folder `here`."""
    kept = told.with_name("kept")
    if not kept.exists():
        told.mkdir()
        run_shell(STORY, told)
        told.rename(kept)
    shutil.rmtree(told, ignore_errors=True)
    shutil.copytree(kept, told)
    (told / "here").mkdir()
    return told


@pytest.fixture
def http(folder: Path) -> Iterator[HttpServer]:
    with http_server(folder) as server:
        yield server


def get(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["gitreg", "get", *arguments],
        cwd=folder / "here",
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def got(folder: Path, *arguments: str, **env: str) -> str:
    """What the model's file holds."""
    done = get(folder, *arguments, **env)
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    return (folder / "here" / done.stdout.removesuffix("\n") / "model.bin").read_text()


def cache() -> Path:
    (found,) = Path(os.environ["XDG_CACHE_HOME"], "gitreg", "repositories").iterdir()
    return found


def test_no_repository_is_needed_and_only_the_folder_is_printed(folder: Path, http: HttpServer) -> None:
    done = get(folder, "model/M:production", "--repo", f"{http.url}/server.git", "-o", "deployed")
    assert (done.returncode, done.stdout) == (0, "deployed\n")
    assert done.stderr == "got model/M:v0: 1 file, 10 bytes, checked\n"
    assert (folder / "here/deployed/model.bin").read_text() == "weights 1\n"
    assert [path.name for path in (folder / "here").iterdir()] == ["deployed"]


def test_a_version_is_asked_for_once_and_an_alias_each_time(folder: Path, http: HttpServer) -> None:
    url = f"{http.url}/server.git"
    assert got(folder, "m:v1", "--repo", url) == "weights 1\n"
    asked = len(http.seen)
    assert got(folder, "m:v1", "--repo", url) == "weights 1\n"
    assert len(http.seen) == asked
    run_shell("gitreg alias set m:production v2 && gitreg push", folder / "work")
    assert got(folder, "m:production", "--repo", url) == "weights 2\n"
    assert len(http.seen) > asked
    asked = len(http.seen)
    assert got(folder, "m:production", "--repo", url, "--offline") == "weights 2\n"
    assert len(http.seen) == asked


def test_of_all_refs_only_those_that_are_needed_are_listed(folder: Path, http: HttpServer) -> None:
    trace = folder / "trace"
    assert got(folder, "m:production", "--repo", f"{http.url}/server.git", GIT_TRACE_PACKET=str(trace)) == "weights 1\n"
    listed = re.findall(r"fetch< [0-9a-f]{40} (refs/\S+)", trace.read_text())
    assert listed == ["refs/gitreg/aliases/m@production", "refs/tags/m@v1"]


@pytest.mark.parametrize("given", ["in the address", "by a helper of git's"])
def test_credentials_are_used_and_kept_nowhere(folder: Path, http: HttpServer, given: str) -> None:
    http.password = PASSWORD
    url = f"{http.url}/server.git"
    if given == "in the address":
        url = url.replace("//", f"//ada:{PASSWORD}@")
    else:
        helper = f"!f() {{ echo username=ada; echo password={PASSWORD}; }}; f"
        subprocess.run(["git", "config", "--global", "credential.helper", helper], check=True)
    assert got(folder, "m:production", "--repo", url, "--trace") == "weights 1\n"
    kept = [path for path in cache().rglob("*") if path.is_file()]
    assert not [path for path in kept if PASSWORD.encode() in path.read_bytes()]
    # with other credentials it is the same repository
    assert got(folder, "m:production", "--repo", f"{http.url}/server.git", "--offline") == "weights 1\n"


def test_a_wrong_password_is_an_error_that_does_not_show_it(folder: Path, http: HttpServer) -> None:
    http.password = "another"  # noqa: S105
    done = get(folder, "m:v0", "--repo", f"{http.url}/server.git".replace("//", f"//ada:{PASSWORD}@"))
    assert done.returncode == 1
    assert PASSWORD not in done.stderr
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["error", "hint"]


def test_over_ssh(folder: Path, tmp_path: Path) -> None:
    with ssh_server(tmp_path / "ssh") as ssh:
        env = {"GIT_SSH_COMMAND": ssh.command}
        assert got(folder, "m:production", "--repo", f"{ssh.url}{folder}/server.git", **env) == "weights 1\n"


def test_a_server_that_is_gone_is_named_and_offline_works(folder: Path) -> None:
    with http_server(folder) as server:
        url = f"{server.url}/server.git"
        assert got(folder, "m:production", "--repo", url) == "weights 1\n"
    done = get(folder, "m:production", "--repo", url)
    assert done.returncode == 1
    assert "127.0.0.1" in done.stderr
    assert got(folder, "m:production", "--repo", url, "--offline") == "weights 1\n"


def test_many_at_once(folder: Path, http: HttpServer) -> None:
    url, names = f"{http.url}/server.git", ["m:production", "model/M:production", "m", "m:v0"] * 2
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda at: got(folder, at[1], "--repo", url, "-o", f"at-{at[0]}"), enumerate(names)))
    assert done == ["weights 1\n", "weights 1\n", "weights 2\n", "weights 0\n"] * 2


@pytest.mark.parametrize("at", ["info/refs", "git-upload-pack"])
def test_killed_while_it_fetches_it_works_the_next_time(folder: Path, http: HttpServer, at: str) -> None:
    url = f"{http.url}/server.git"
    http.fault, http.at = "hang", at
    command = ["gitreg", "get", "m:production", "--repo", url]
    with subprocess.Popen(command, cwd=folder / "here", start_new_session=True, stderr=subprocess.PIPE) as process:
        assert http.reached.wait(60)
        os.killpg(process.pid, signal.SIGKILL)
    http.fault = ""
    assert got(folder, "m:production", "--repo", url) == "weights 1\n"
    assert not list((folder / "here").rglob(".gitreg-*"))


def test_a_user_without_a_home_gets_it_all_the_same(folder: Path, http: HttpServer) -> None:
    (folder / "no-home").write_text("a file")
    env = {"XDG_CACHE_HOME": str(folder / "no-home"), "TMPDIR": str(folder)}
    assert got(folder, "m:v1", "--repo", f"{http.url}/server.git", **env) == "weights 1\n"
    assert not list(folder.glob("gitreg-*"))


def test_damaged_bytes_are_never_handed_out(folder: Path, http: HttpServer) -> None:
    url = f"{http.url}/server.git"
    assert got(folder, "m:v1", "--repo", url) == "weights 1\n"
    (kept,) = (path for path in (cache() / "cache").rglob("*") if path.is_file())
    kept.chmod(0o644)
    kept.write_text("weights X\n")
    assert got(folder, "m:v1", "--repo", url, "-o", "again") == "weights 1\n"
    for path in (folder / "storage").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_text("weights Y\n")
    done = get(folder, "m:v2", "--repo", url, "-o", "wrong")
    assert done.returncode == 1
    assert "is damaged" in done.stderr
    assert not (folder / "here/wrong/model.bin").exists()


def test_of_a_repository_elsewhere_nothing_is_run(folder: Path) -> None:
    hook = folder / "hook"
    hook.write_text(f'#!/bin/sh\ntouch {folder}/ran\nexec "$@"\n')
    hook.chmod(0o755)
    config = f"""
[uploadpack]
    packObjectsHook = {hook}
[core]
    fsmonitor = {hook}
    sshCommand = {hook}
    hooksPath = {folder}
[credential]
    helper = {hook}
"""
    with (folder / "server.git" / "config").open("a") as file:
        file.write(config)
    assert got(folder, "m:production", "--repo", "../server.git") == "weights 1\n"
    assert not (folder / "ran").exists()


def test_an_address_may_be_one_that_the_users_git_knows(folder: Path) -> None:
    run_shell(f"git config --global url.file://{folder}/.insteadOf lab:", folder)
    assert got(folder, "m:v0", "--repo", "lab:server.git") == "weights 0\n"


def test_options_for_another_repository_need_one(folder: Path) -> None:
    for option in (["--offline"], ["--storage", "../storage"]):
        done = get(folder, "m", *option)
        assert done.returncode == 2
        assert f"error: '{option[0]}' is for a repository elsewhere\n" in done.stderr


def test_the_storage_may_be_named_by_the_user_alone(folder: Path) -> None:
    shutil.copytree(folder / "storage", folder / "copy")
    (folder / "storage").rename(folder / "gone")
    done = get(folder, "m:v0", "--repo", "../server.git")
    assert done.returncode == 1
    assert "the folder of storage" in done.stderr
    assert got(folder, "m:v0", "--repo", "../server.git", "--storage", "../copy") == "weights 0\n"


def test_in_python(folder: Path, http: HttpServer) -> None:
    script = f"""
import json, gitreg
api = gitreg.Api(repo="{http.url}/server.git")
production = api.artifact("m:production")
print(json.dumps([production.name, open(production.file()).read(), production.aliases]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder / "here", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == ["m:v1", "weights 1\n", ["production"]]
