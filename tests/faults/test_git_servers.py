"""Real Git servers, over HTTP and SSH: the whole story, and what a server can do to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_servers import HttpServer, http_server, ssh_server
from odd_kinds import BASE, FULL, gitreg
from stories import World, copy

from tally import FAULTS, Tally

PASSWORD = "s3cret"  # noqa: S105 - of the server that the test starts


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    found = copy(BASE, tmp_path_factory, tmp_path / "world")
    found("git config http.receivepack true", "server.git")
    return found


@pytest.fixture
def http(world: World) -> Iterator[HttpServer]:
    with http_server(world.folder) as server:
        yield server


WAYS = ("HTTP", "HTTP with a password", "SSH")


@pytest.fixture
def served(
    request: pytest.FixtureRequest, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, str]]:
    """The way to the server in words, and the URL of its repository."""
    if request.param == "SSH":
        with ssh_server(tmp_path / "ssh") as ssh:
            monkeypatch.setenv("GIT_SSH_COMMAND", ssh.command)
            yield "SSH", f"{ssh.url}{world.server}"
        return
    with http_server(world.folder) as server:
        if request.param == "HTTP":
            yield request.param, f"{server.url}/server.git"
            return
        server.password = PASSWORD
        yield request.param, f"{server.url.replace('//', '//ada:s3cret@')}/server.git"


def ok(world: World, where: str, *arguments: str) -> str:
    """A command that works; all that it said."""
    done = gitreg(list(arguments), world.folder / where)
    assert done.code == 0, f"{arguments}\n{done.out}{done.err}"
    assert PASSWORD not in done.out + done.err
    return done.out + done.err


def pending(world: World, where: str = "ada") -> list[str]:
    return world("git for-each-ref --format='%(refname)' refs/gitreg/", where).split()


def put(world: World, where: str, content: str, name: str = "m") -> str:
    (world.folder / "bytes").write_text(content)
    return ok(world, where, "put", str(world.folder / "bytes"), "--name", name, "--type", "model").split("\n")[0]


@pytest.mark.parametrize("served", WAYS if FULL else WAYS[1:], indirect=True)
def test_two_people_share_over_a_real_server(served: tuple[str, str], world: World, tally: Tally) -> None:
    way, url = served
    with tally.attempt(FAULTS, f"real Git server: two people share over {way}, and both made v0"):
        world(f"git clone --quiet '{url}' ada && git clone --quiet '{url}' bob", "")
        for who in ("ada", "bob"):
            ok(world, who, "init")
        assert put(world, "ada", "one") == "m:v0"
        assert put(world, "bob", "another") == "m:v0"
        ok(world, "ada", "alias", "set", "m:production", "v0", "--reason", "first")
        told = world("git push origin main 2>&1", "ada")
        assert "published m:v0" in told
        assert PASSWORD not in told
        assert "is now v1" in ok(world, "bob", "push")
        ok(world, "ada", "fetch")
        assert [line.split()[0] for line in ok(world, "ada", "ls", "m").splitlines()[1:]] == ["v1", "v0"]
        ok(world, "bob", "alias", "set", "m:production", "v1", "--reason", "better")
        ok(world, "bob", "push")
        ok(world, "ada", "fetch")
        assert json.loads(ok(world, "ada", "show", "m:production", "--json"))["version"] == "v1"
        ok(world, "ada", "get", "m:production", "-o", str(world.folder / "got"))
        assert (world.folder / "got" / "bytes").read_text() == "another"
        assert pending(world) == pending(world, "bob") == []
        assert world("git fsck --strict --no-dangling 2>&1", "server.git") == ""


@pytest.fixture
def ada(world: World, http: HttpServer) -> World:
    """A clone over HTTP in which `m:v0` waits to be published, in production."""
    world(f"git clone --quiet {http.url}/server.git ada", "")
    ok(world, "ada", "init")
    put(world, "ada", "one")
    ok(world, "ada", "alias", "set", "m:production", "v0")
    return world


CUTS = [(at, fault) for at in ("info/refs", "git-upload-pack", "git-receive-pack") for fault in ("before", "after")]


@pytest.mark.parametrize(("at", "fault"), [*CUTS, ("git-receive-pack", "middle"), ("git-upload-pack", "middle")])
def test_a_server_that_hangs_up_loses_nothing(at: str, fault: str, ada: World, http: HttpServer, tally: Tally) -> None:
    before = pending(ada)
    words = {"before": "before it looked", "middle": "in the middle", "after": "before it answered"}[fault]
    with tally.attempt(FAULTS, f"Git server over HTTP hangs up {words}"):
        http.at, http.fault = at, fault
        done = gitreg(["push"], ada.folder / "ada")
        assert http.reached.is_set()
        assert done.code == 1, done
        assert done.err.splitlines()[-1].startswith(("error: ", "hint: "))
        assert pending(ada) == before
        http.fault = ""
        assert "published m:v0" in ok(ada, "ada", "push") or fault == "after"
        assert pending(ada) == []
        refs = ada("git for-each-ref --format='%(refname)' refs/tags refs/gitreg", "server.git").split()
        assert {"refs/tags/m@v0", "refs/gitreg/aliases/m@production"} <= set(refs)
        assert ada("git fsck --strict --no-dangling 2>&1", "server.git") == ""
        ok(ada, "ada", "get", "m:production", "-o", str(ada.folder / "got"))


@pytest.mark.parametrize("status", ["500", "401", "403", "404", "429", "503", "200"] if FULL else ["500", "401"])
@pytest.mark.parametrize("command", ["push", "fetch"])
def test_a_server_that_refuses_is_told_without_credentials(
    status: str, command: str, ada: World, http: HttpServer, tally: Tally
) -> None:
    before = pending(ada)
    ada(f"git config remote.origin.url '{http.url.replace('//', '//ada:s3cret@')}/server.git'", "ada")
    with tally.attempt(FAULTS, f"Git server over HTTP answers {status}: told without credentials, nothing lost"):
        http.at, http.fault = "info/refs", status
        for trace in ([], ["--trace"]):
            done = gitreg([*trace, command], ada.folder / "ada")
            assert done.code == 1, done
            assert PASSWORD not in done.out + done.err
            assert "error: git fetch failed: " in done.err
        assert pending(ada) == before


def test_a_wrong_password_is_told_without_it(ada: World, http: HttpServer, tally: Tally) -> None:
    ada(f"git config remote.origin.url '{http.url.replace('//', '//ada:wr0ng@')}/server.git'", "ada")
    with tally.attempt(FAULTS, "Git server over HTTP: a wrong password is told without it"):
        http.password = PASSWORD
        done = gitreg(["push"], ada.folder / "ada")
        assert (done.code, "wr0ng" in done.err) == (1, False)
        assert "Authentication failed" in done.err


def test_an_ssh_server_that_lets_nobody_in_is_told_as_that(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tally: Tally
) -> None:
    with tally.attempt(FAULTS, "Git server over SSH: a key that it does not know"), ssh_server(tmp_path / "ssh") as ssh:
        (tmp_path / "ssh" / "user.pub").write_text("")
        monkeypatch.setenv("GIT_SSH_COMMAND", ssh.command)
        world(f"git config remote.origin.url '{ssh.url}{world.server}'")
        done = gitreg(["fetch"], world.work)
        assert done.code == 1
        assert (
            done.err.splitlines()[-1] == "hint: the server does not let you in: check the key, or the name and password"
        )


@pytest.mark.parametrize("hook", ["pre-receive", "update", "post-receive", "reference-transaction"])
@pytest.mark.parametrize("served", WAYS if FULL else WAYS[:1], indirect=True)
def test_a_server_that_is_killed_in_the_middle_of_a_push_loses_nothing(
    hook: str, served: tuple[str, str], world: World, tally: Tally
) -> None:
    way, url = served
    world(f"git clone --quiet '{url}' ada", "")
    ok(world, "ada", "init")
    put(world, "ada", "one")
    ok(world, "ada", "alias", "set", "m:production", "v0")
    killer = world.server / "hooks" / hook
    killer.write_text('#!/bin/sh\nkill -9 "$PPID"\n')
    killer.chmod(0o755)
    with tally.attempt(FAULTS, f"Git server over {way} is killed in the middle of a push"):
        done = gitreg(["push"], world.folder / "ada")
        assert done.code in (0, 1), done
        assert PASSWORD not in done.err
        shown = json.loads(ok(world, "ada", "show", "m:v0", "--json"))
        killer.unlink()
        world("find . -name '*.lock' -delete", "server.git")
        ok(world, "ada", "push")
        assert pending(world) == []
        assert json.loads(ok(world, "ada", "show", "m:production", "--json"))["commit"] == shown["commit"]
        assert world("git fsck --strict --no-dangling 2>&1", "server.git") == ""


@pytest.mark.parametrize("command", ["push", "fetch"])
def test_an_address_that_is_a_program_is_refused(command: str, ada: World, tally: Tally) -> None:
    ada(f"git config remote.origin.url 'ext::sh -c touch% {ada.folder}/ran'", "ada")
    before = pending(ada)
    with tally.attempt(FAULTS, "a remote's address that is a program (ext::) is refused"):
        done = gitreg([command], ada.folder / "ada")
        assert done.code == 1
        error, hint = done.err.splitlines()
        assert error == "error: git fetch failed: transport 'ext' not allowed"
        assert "git remote set-url" in hint
        assert not (ada.folder / "ran").exists()
        assert pending(ada) == before


def running(group: int) -> list[str]:
    """The processes of a group that have not ended."""
    lines = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], check=True, capture_output=True, text=True).stdout
    found = (line.split(maxsplit=2) for line in lines.splitlines())
    return [words[-1] for words in found if words[0] == str(group) and not words[1].startswith("Z")]


@pytest.mark.parametrize("whom", ["everybody, as Ctrl-C does", "gitreg alone"])
@pytest.mark.parametrize("command", ["fetch", "push"])
def test_a_server_that_hangs_is_left_with_ctrl_c(
    command: str, whom: str, ada: World, http: HttpServer, tally: Tally
) -> None:
    before = pending(ada)
    if command == "fetch":
        put(ada, "work", "theirs")
        ok(ada, "work", "push")
    # what a push has fetched before stays fetched
    mine = "git for-each-ref refs/gitreg/ refs/tags refs/heads refs/remotes"
    refs = ada(mine, "ada")
    listed = "find .git -type f ! -path '*/gitreg/*' ! -path '*/gitreg-remotes/*' ! -path '*/objects/*' | sort"
    files = ada(listed, "ada")
    with tally.attempt(FAULTS, "Git server over HTTP hangs: Ctrl-C ends the command with 130, nothing is half-written"):
        http.at, http.fault = {"fetch": "git-upload-pack", "push": "git-receive-pack"}[command], "hang"
        with subprocess.Popen(
            ["gitreg", command], cwd=ada.folder / "ada", stderr=subprocess.PIPE, start_new_session=True
        ) as process:
            assert http.reached.wait(60)
            if whom == "gitreg alone":
                process.send_signal(signal.SIGINT)
            else:
                os.killpg(process.pid, signal.SIGINT)
            _, said = process.communicate(timeout=60)
            if whom != "gitreg alone":
                # git's own helper waits for the server when nobody interrupts it; nothing else goes on
                while running(process.pid):
                    pass
        assert (process.returncode, b"Traceback" in said) == (130, False), said
        assert ada(mine, "ada") == refs
        assert ada(listed, "ada") == files
        assert ada("find .git/objects -name 'tmp_*'", "ada") == ""
        assert pending(ada) == before
        http.fault = ""
        ok(ada, "ada", "push")
        assert pending(ada) == []
