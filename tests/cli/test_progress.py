"""Bars, lines for each file, and silence: what commands show while they work, on real terminals and in pipes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Fault, Server, http_server, running

from conftest import Shell
from terminal import Terminal

BYTES = 3_000_000
_STYLE = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A storage."""
    with running(http_server(tmp_path / "stored")) as found:
        yield found


@pytest.fixture
def clone(tmp_path: Path, sh: Shell, server: Server) -> Path:
    """A repository with a remote, that storage, and one version of one large file that is not published."""
    sh(f"""
    git init --quiet --bare server.git && git init --quiet clone && cd clone && git remote add origin ../server.git
    gitreg --quiet init --storage {server.url}/store && git add . && git commit --quiet -m start
    """)
    path = tmp_path / "clone"
    (tmp_path / "big.bin").write_bytes(os.urandom(BYTES))
    sh("gitreg --quiet put ../big.bin --name big --type model", path)
    return path


def publish_and_forget(clone: Path, sh: Shell) -> None:
    """Publish everything; the bytes are on the storage only."""
    sh("gitreg --quiet push", clone)
    shutil.rmtree(clone / ".dvc" / "cache")


def start(*argv: str, cwd: Path, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        argv, cwd=cwd, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def pictures(drawn: str) -> list[str]:
    """Each picture of a bar, as somebody sees it."""
    return [_STYLE.sub("", text).partition("\r")[0] for text in drawn.split("\r\x1b[2K")[1:-1]]


class TestABar:
    def test_is_drawn_while_a_file_is_stored_and_gone_at_the_end(self, clone: Path, tmp_path: Path) -> None:
        with (tmp_path / "huge").open("wb") as file:
            file.truncate(1 << 29)
        terminal = Terminal("gitreg", "put", "../huge", "--name", "huge", "--type", "data", cwd=clone)
        assert terminal.end() == (0, "huge:v0\n")
        drawn = pictures(terminal.drawn)
        assert drawn
        assert all(picture.startswith("storing ") and len(picture) < 80 for picture in drawn)
        assert all("of 537 MB" in picture for picture in drawn)
        assert terminal.screen[0].startswith("logged huge:v0")
        assert not any("storing" in line for line in terminal.screen)

    @pytest.mark.parametrize("command", ["gitreg push", "git push origin HEAD"])
    def test_is_drawn_while_bytes_are_uploaded_also_by_the_hook(
        self, clone: Path, server: Server, command: str
    ) -> None:
        server.faults = [Fault("pause", "POST")]
        terminal = Terminal(*command.split(), cwd=clone)
        terminal.until("uploading ")
        server.gate.set()
        assert terminal.end()[0] == 0
        assert all(len(picture) < 80 for picture in pictures(terminal.drawn))
        assert terminal.screen[0].startswith("uploaded ")
        assert not any("uploading" in line for line in terminal.screen)

    def test_shows_how_far_a_download_is(self, clone: Path, sh: Shell, server: Server) -> None:
        publish_and_forget(clone, sh)
        server.faults = [Fault("pause", "GET")]
        terminal = Terminal("gitreg", "get", "big", "-o", "got", cwd=clone)
        terminal.until("downloading ")
        terminal.until("1.5 MB of 3 MB")
        server.gate.set()
        assert terminal.end() == (0, "got\n")
        assert (clone / "got" / "big.bin").stat().st_size == BYTES
        assert len(terminal.screen) == 1

    def test_shows_nowhere_but_on_a_terminal_that_somebody_looks_at(
        self, clone: Path, sh: Shell, server: Server
    ) -> None:
        publish_and_forget(clone, sh)
        server.faults = [Fault("pause", "GET")]
        ways: dict[str, dict[str, str | None]] = {"--no-pager": {"CI": "true"}, "--quiet": {}, "--trace": {}}
        silent = [Terminal("gitreg", "get", "big", "-o", way, way, cwd=clone, env=env) for way, env in ways.items()]
        silent.append(Terminal("gitreg", "get", "big", "-o", "b", cwd=clone, env={"TERM": "dumb"}))
        # with job control: the terminal is the shell's, and not that of a job in the background
        silent.append(Terminal("sh", "-c", "set -m; gitreg get big -o d & wait $!", cwd=clone))
        piped = start("gitreg", "get", "big", "-o", "a", cwd=clone)
        for _ in range(6):
            server.waiting.acquire()
        # they all have waited for longer than this one
        shown = Terminal("gitreg", "get", "big", "-o", "c", cwd=clone)
        shown.until("downloading ")
        server.gate.set()
        assert shown.end()[0] == 0
        assert pictures(shown.drawn)
        for terminal in silent:
            assert terminal.end()[0] == 0
            assert "\x1b" not in terminal.drawn
        assert silent[1].drawn == ""
        out, err = piped.communicate()
        assert (piped.returncode, out) == (0, "a\n")
        assert "\r" not in err
        assert "\x1b" not in err

    @pytest.mark.parametrize(("no_color", "styles"), [("1", False), (None, True)])
    def test_has_colours_unless_they_are_not_wanted(
        self, clone: Path, server: Server, no_color: str | None, *, styles: bool
    ) -> None:
        server.faults = [Fault("pause", "POST")]
        terminal = Terminal("gitreg", "push", cwd=clone, env={"NO_COLOR": no_color})
        terminal.until("uploading ")
        server.gate.set()
        assert terminal.end()[0] == 0
        assert bool(_STYLE.search(terminal.drawn)) is styles

    def test_leaves_a_clean_line_for_an_error(self, clone: Path, sh: Shell, server: Server) -> None:
        publish_and_forget(clone, sh)
        server.faults = [Fault("stall", "GET")]
        terminal = Terminal("gitreg", "get", "big", "-o", "got", cwd=clone)
        terminal.until("downloading ")
        server.ended.set()
        assert terminal.end() == (1, "")
        assert terminal.screen[0].startswith("error: 'big.bin' of 'big:v0' cannot be fetched")
        assert not any("downloading" in line for line in terminal.screen)

    def test_leaves_a_clean_line_for_ctrl_c(self, clone: Path, sh: Shell, server: Server) -> None:
        publish_and_forget(clone, sh)
        server.faults = [Fault("pause", "GET")]
        terminal = Terminal("gitreg", "get", "big", "-o", "got", cwd=clone)
        terminal.until("downloading ")
        terminal.type("\x03")
        assert terminal.end() == (130, "")
        assert terminal.screen == []

    def test_keeps_its_place_below_the_lines_of_verbose(self, clone: Path, tmp_path: Path, server: Server) -> None:
        (tmp_path / "many").mkdir()
        for name in ("one", "two", "three\x1b[31m\n"):
            (tmp_path / "many" / name).write_text(name)
        server.faults = [Fault("pause", "POST", times=1)]
        subprocess.run(["gitreg", "-q", "put", "../many", "--name=many", "--type=t"], cwd=clone, check=True)
        terminal = Terminal("gitreg", "push", "--verbose", cwd=clone)
        terminal.until("uploading ")
        server.gate.set()
        assert terminal.end()[0] == 0
        lines = [line for line in terminal.screen if line.startswith("uploaded   ")]
        assert sorted(line.split("  ")[-2] for line in lines) == [
            "big:v0/",
            "big:v0/big.bin",
            "many:v0/",
            "many:v0/one",
            "many:v0/three\\x1b[31m\\x0a",
            "many:v0/two",
        ]
        assert not any("uploading" in line for line in terminal.screen)


def test_git_push_that_is_quiet_publishes_without_a_word(clone: Path) -> None:
    terminal = Terminal("git", "push", "--quiet", "origin", "HEAD", cwd=clone)
    assert terminal.end()[0] == 0
    # a library of DVC's takes its colours back at the end
    assert _STYLE.sub("", terminal.drawn) == ""
    again = subprocess.run(["gitreg", "push"], cwd=clone, capture_output=True, text=True, check=True)
    assert again.stderr == "nothing to publish\n"


class TestVerbose:
    def test_says_what_is_done_with_each_file_also_in_a_pipe(self, desk_with_folder: Path) -> None:
        clone = desk_with_folder

        def lines(*argv: str) -> list[str]:
            done = subprocess.run(["gitreg", *argv, "-v"], cwd=clone, capture_output=True, text=True, check=True)
            return sorted(line for line in done.stderr.splitlines() if re.match(r"\w+ {2,}", line))

        put = ("put", "../data", "--name", "data", "--type", "t")
        assert lines(*put) == ["stored      a  5 bytes", "stored      b/c  6 bytes"]
        assert lines(*put) == ["skipped     a  5 bytes", "skipped     b/c  6 bytes"]
        assert lines("push")[1:] == ["uploaded    data:v0/a  5 bytes", "uploaded    data:v0/b/c  6 bytes"]
        assert lines("get", "data", "-o", "out") == ["written     a  5 bytes", "written     b/c  6 bytes"]
        (clone / "out" / "a").write_text("wrong")
        assert lines("get", "data", "-o", "out") == ["skipped     b/c  6 bytes", "written     a  5 bytes"]
        shutil.rmtree(clone / ".dvc" / "cache")
        assert lines("get", "data", "-o", "new")[:2] == ["downloaded  a  5 bytes", "downloaded  b/c  6 bytes"]
        assert [line.split()[0] for line in lines("fsck", "--remote")] == ["checked"] * 5

    def test_is_not_the_default_and_quiet_leaves_nothing_but_data(self, desk_with_folder: Path) -> None:
        clone = desk_with_folder

        def run(*argv: str) -> tuple[str, str]:
            done = subprocess.run(["gitreg", *argv], cwd=clone, capture_output=True, text=True, check=True)
            return done.stdout, done.stderr

        put = ("put", "../data", "--name", "data", "--type", "t")
        assert run(*put, "--quiet") == ("data:v0\n", "")
        assert run("push", "--quiet") == ("", "")
        assert run("get", "data", "-o", "out", "--quiet") == ("out\n", "")
        assert "5 bytes" not in run(*put)[1]


@pytest.fixture
def desk_with_folder(tmp_path: Path, sh: Shell) -> Path:
    """A repository with a remote and a folder as storage, and two files beside it."""
    sh("""
    git init --quiet --bare server.git && git init --quiet clone && cd clone && git remote add origin ../server.git
    gitreg --quiet init --storage ../storage && git add . && git commit --quiet -m start
    mkdir -p ../data/b && printf hello >../data/a && printf 'hello\n' >../data/b/c
    """)
    return tmp_path / "clone"
