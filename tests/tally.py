"""Counts what the fault tests tried and what held, over all of pytest's worker processes, and writes the table.

`with tally.attempt(FAULTS, "kill -9 during put"):` is one try: it held when the block ends without an exception. A case
that does not hold stays in the table as such, also when its test is expected to fail.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

FAULTS = "faults survived"
INPUTS = "bad inputs refused"
LOAD = "load held"
_GROUPS = (FAULTS, INPUTS, LOAD)
_VARIABLE = "GITREG_TALLY"

# read before the tests are sealed off from the environment
_FULL = os.environ.get("GITREG_FAULTS") == "full"

Rows = dict[tuple[str, str], tuple[int, int]]


class Tally:
    """Writes a line for each try into this process's file of the session."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / f"{os.getpid()}.jsonl"

    @contextlib.contextmanager
    def attempt(self, group: str, case: str) -> Iterator[None]:
        """One try of a case."""
        held = False
        try:
            yield
            held = True
        finally:
            self.add(group, case, tried=1, held=int(held))

    def add(self, group: str, case: str, *, tried: int, held: int) -> None:
        """Count tries that something else has made; with `tried=0` the case is a fact that was counted, not a try."""
        assert group in _GROUPS, group
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps([group, case, tried, held]) + "\n")


def gathered(folder: Path) -> Rows:
    """What all processes counted, by group and case."""
    found: Rows = {}
    for file in folder.glob("*.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            group, case, tried, held = json.loads(line)
            before = found.get((group, case), (0, 0))
            found[group, case] = (before[0] + tried, before[1] + held)
    return found


def markdown(rows: Rows) -> str:
    """The table for people."""
    lines = ["# What was tried, and what held", ""]
    for group in _GROUPS:
        mine = {case: counts for (found, case), counts in sorted(rows.items()) if found == group}
        tried, held = (sum(counts[at] for counts in mine.values() if counts[0]) for at in (0, 1))
        lines += [f"## {group[:1].upper()}{group[1:]}: {held} of {tried}", ""]
        lines += ["| case | tried | held |", "|---|---:|---:|"]
        for case, (count, good) in mine.items():
            shown = case.replace("|", "\\|")
            lines.append(f"| {shown} | {count or ''} | {good if good == count or not count else f'**{good}**'} |")
        lines.append("")
    return "\n".join(lines)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--faults-table FILE`: where the table goes."""
    parser.addoption("--faults-table", metavar="FILE", type=Path, help="write what the fault tests counted as Markdown")


def pytest_configure(config: pytest.Config) -> None:
    """The first process makes the folder that all write to; workers find it in the environment."""
    if not hasattr(config, "workerinput"):
        os.environ[_VARIABLE] = tempfile.mkdtemp(prefix="gitreg-tally-")
    config.stash[_FOLDER] = Path(os.environ[_VARIABLE])


_FOLDER = pytest.StashKey[Path]()


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    """Where fault tests count their tries."""
    return Tally(pytestconfig.stash[_FOLDER])


@pytest.fixture(scope="session")
def full() -> bool:
    """True in `make faults`, which tries everything often and at full size; `make test` runs the bounded form."""
    return _FULL


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The totals, and the table where it was asked for."""
    rows = gathered(config.stash[_FOLDER])
    if not rows:
        return
    for group in _GROUPS:
        counts = [counts for (found, _), counts in rows.items() if found == group and counts[0]]
        tried, held = sum(count for count, _ in counts), sum(held for _, held in counts)
        terminalreporter.write_line(f"{group}: {held} of {tried}, in {len(counts)} cases")
    table = config.getoption("--faults-table")
    if table:
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(markdown(rows), encoding="utf-8")
