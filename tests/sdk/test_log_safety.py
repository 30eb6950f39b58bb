"""What `run.log` has been told is kept: whoever is killed, forked, attached, or out of room."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gitreg
from desks import Desk
from gitreg.errors import UsageError
from gitreg.records.names import RunId
from gitreg.registry import history, recover, runs
from gitreg.registry.live import LiveRun
from gitreg.sdk.values import check_size, most_bytes

PATIENCE = 120

LOGS_AND_WAITS = """
import sys, gitreg
run = gitreg.init(id="quiet")
for step in range(100):
    run.log({"loss": step})
print("logged", flush=True)
sys.stdin.read()
"""

LOGS_ON = """
import os, sys, time, gitreg
run = gitreg.init(id="busy")
told = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
while True:
    at = time.time()
    run.log({"at": at})
    os.pwrite(told, b"%20.9f" % at, 0)
"""


def rows(desk: Desk, run_id: str) -> list[dict[str, Any]]:
    return list(history.fetched(desk.registry, runs.get(desk.registry, RunId(run_id))).rows())


@contextlib.contextmanager
def killed(desk: Desk, script: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is killed at the end of the block, however that comes."""
    command = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(command, cwd=desk.path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def goes_on(process: subprocess.Popen[bytes], begun: float) -> None:
    """Assert that there is something to wait for still."""
    assert process.poll() is None
    assert time.monotonic() < begun + PATIENCE


def test_what_was_logged_is_on_disk_soon_though_nothing_more_is_called(desk: Desk) -> None:
    journal = desk.registry.private / "journal" / "quiet.jsonl"
    with killed(desk, LOGS_AND_WAITS) as process:
        assert process.stdout
        assert process.stdout.readline() == b"logged\n"
        begun = time.monotonic()
        while b'"loss":99}' not in journal.read_bytes():
            goes_on(process, begun)
    recover.recover(desk.registry)
    assert [row["loss"] for row in rows(desk, "quiet")] == list(range(100))


def test_a_process_that_is_killed_as_it_logs_loses_its_last_second_at_most(desk: Desk, tmp_path: Path) -> None:
    told = tmp_path / "told"
    begun = time.monotonic()
    with killed(desk, LOGS_ON, str(told)) as process:
        first = last = 0.0
        while last < first + 1.5 or not first:
            goes_on(process, begun)
            last = float((told.read_text() if told.exists() else "") or 0)
            first = first or last
    recover.recover(desk.registry)
    kept = rows(desk, "busy")
    # nothing is missing in between
    assert [row["_step"] for row in kept] == list(range(len(kept)))
    assert float(told.read_text()) - kept[-1]["at"] < 1


FORKS = """
import os, gitreg
run = gitreg.init(id="forked")
for step in range(3):
    run.log({"parent": step})
child = os.fork()
if not child:
    run.log({"child": 0})
    run.log({"child": 1})
    os._exit(0)
os.waitpid(child, 0)
run.log({"parent": 3})
run.finish()
"""


def test_a_forked_process_writes_its_own_and_only_that(desk: Desk) -> None:
    # Python 3.12 warns of a fork beside a thread, which writes what the parent has logged
    subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS], cwd=desk.path, check=True)
    found = rows(desk, "forked")
    assert [row["parent"] for row in found if "parent" in row] == [0, 1, 2, 3]
    assert [row["child"] for row in found if "child" in row] == [0, 1]


ATTACHED = """
import sys, time, gitreg
run = gitreg.init()
time.time = lambda: 1700000000.0  # as coarse as a clock can be
for number in range(2000):
    run.log({f"from {sys.argv[1]}": number, "text": sys.argv[1] * 300})
"""


def test_processes_that_share_a_run_write_whole_lines(desk: Desk) -> None:
    run = desk.start()
    environment = {**os.environ, "GITREG_RUN_ID": run.record.id}
    started = [
        subprocess.Popen([sys.executable, "-c", ATTACHED, str(who)], cwd=desk.path, env=environment) for who in range(4)
    ]
    assert [process.wait() for process in started] == [0] * 4
    run.finish("finished")
    found = rows(desk, run.record.id)
    for who in range(4):
        mine = [row for row in found if f"from {who}" in row]
        assert [row[f"from {who}"] for row in mine] == list(range(2000))
        assert {row["text"] for row in mine} == {str(who) * 300}


NO_ROOM = """
import resource, gitreg
from gitreg.errors import StorageError
run = gitreg.init(id="full")
run.log({"loss": 0})
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (run._live._journal.path.stat().st_size + 100, limits[1]))
for step in range(1, 50):
    run.log({"loss": step})
for _ in range(2):
    try:
        run.finish()
    except StorageError as error:
        print(error.hint)
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
run.finish()
"""


def test_what_finds_no_room_is_told_by_finish_and_kept_when_there_is_room(desk: Desk) -> None:
    done = subprocess.run([sys.executable, "-c", NO_ROOM], cwd=desk.path, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 2
    assert "None" not in done.stdout
    assert [row["loss"] for row in rows(desk, "full")] == list(range(50))


def test_what_is_logged_to_a_run_that_another_process_ends_is_not_lost_without_a_word(desk: Desk) -> None:
    run = desk.start()
    other = LiveRun.attach(desk.registry, run.record.id)
    other.log_step({"_step": 0})
    other.log_step({"_step": 1})
    run.finish("finished")
    with pytest.raises(UsageError, match="has been ended by another process; the last 1 of") as caught:
        other.detach()
    assert caught.value.hint == "start another run"
    other.detach()


def test_values_that_replace_others_fill_no_summary(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    with gitreg.init() as run:
        for step in range(400):
            run.log({"text": f"{step:04}" * 500})
    assert "in the history only" not in caplog.text
    assert run.summary["text"] == "0399" * 500


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(*[st.dictionaries(st.text(max_size=5), PLAIN, max_size=4)] * 2)
def test_the_quick_measure_is_never_too_small(known: dict[str, Any], new: dict[str, Any]) -> None:
    assert len(json.dumps({**known, **new})) <= check_size(known, "known") + most_bytes(new)
