"""Who used which version: answered from a derived index, because it would cost a pass over every run.

It lies under `<git common dir>/gitreg/`, holds facts about commits (which never change), takes in what is new each time
it is asked, and can be deleted at any time. Where it cannot be written it is built in memory.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import cached_property

from gitreg.errors import RecordError
from gitreg.git.objects import MissingObjectError
from gitreg.records import refs as names_of_refs
from gitreg.records.names import RunId
from gitreg.records.objects import Oid
from gitreg.registry import runs, versions
from gitreg.registry.repository import Registry

# The version is in the file's name: another release's index is left alone.
_FILE = "index-2.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS commits (oid BLOB PRIMARY KEY, run TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uses (input BLOB, run TEXT, PRIMARY KEY (input, run)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tips (run TEXT PRIMARY KEY, oid BLOB NOT NULL, length INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mark (remote TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Index:
    """The index, up to date as of when it was opened."""

    def __init__(self, registry: Registry, database: sqlite3.Connection) -> None:
        self._registry = registry
        self._database = database

    def used_by(self, commit: Oid) -> list[RunId]:
        """The runs that used the version of this commit, by id."""
        rows = self._database.execute("SELECT run FROM uses WHERE input = ? ORDER BY run", (commit.raw,)).fetchall()
        return [RunId(run) for (run,) in rows if self._is_here(run)]

    def tip(self, run_id: RunId) -> Oid | None:
        """The newest known commit of a run; a ref says more than the longest chain that was ever seen."""
        found = runs.tip(self._registry, run_id)
        if found:
            return found
        row = self._database.execute("SELECT oid FROM tips WHERE run = ?", (run_id,)).fetchone()
        return Oid(row[0]) if row and self._is_here(run_id) else None

    def tips(self) -> dict[RunId, Oid]:
        """The newest known commit of every run, also of those that are known only through their versions' tags."""
        rows = self._database.execute("SELECT run, oid FROM tips").fetchall()
        found = {RunId(run): Oid(oid) for run, oid in rows if self._is_here(run)}
        return found | {run: tip for run, tip in self._with_ref.items() if run in found}

    def _is_here(self, run: str) -> bool:
        """Whether a ref still leads to the run. What was dropped, or deleted by hand, has commits for a while."""
        return run in self._with_ref or run in self._of_versions

    @cached_property
    def _with_ref(self) -> dict[RunId, Oid]:
        return {run: tip for run, (tip, _) in runs.tips(self._registry).items()}

    @cached_property
    def _of_versions(self) -> frozenset[str]:
        """The runs that a version's tag leads to; all tags are listed for it, so it is the second question."""
        self._database.execute("CREATE TEMP TABLE named (oid BLOB PRIMARY KEY) WITHOUT ROWID")
        oids = {version.commit.raw for version in versions.all_versions(self._registry)}
        self._database.executemany("INSERT INTO named VALUES (?)", ((oid,) for oid in oids))
        rows = self._database.execute(
            "SELECT run FROM commits NATURAL JOIN named UNION SELECT run FROM tips NATURAL JOIN named"
        )
        return frozenset(run for (run,) in rows)


def used_by(registry: Registry, commit: Oid) -> list[RunId]:
    """The runs that used the version of this commit, by id."""
    with updated(registry) as index:
        return index.used_by(commit)


def forget(registry: Registry, run_id: RunId) -> None:
    """Take out what was known of a run that is not what it was: dropped, as nothing published is.

    The next question takes in what is left of it. Where the index cannot be written, it holds nothing to forget.
    """
    with contextlib.suppress(OSError, sqlite3.Error), contextlib.closing(_current(registry)) as database, database:
        for table in ("commits", "uses", "tips"):
            database.execute(f"DELETE FROM {table} WHERE run = ?", (run_id,))  # noqa: S608 - the names are above
        database.execute("DELETE FROM mark")


@contextlib.contextmanager
def updated(registry: Registry) -> Iterator[Index]:
    """The index, with everything taken in that is new since it was last asked."""
    with contextlib.closing(_current(registry)) as database:
        yield Index(registry, database)


def _current(registry: Registry) -> sqlite3.Connection:
    """The index on disk, up to date; a damaged one is made anew, and one in memory where it cannot be written."""
    file = registry.private / _FILE
    try:
        registry.private.mkdir(exist_ok=True)
        return _opened(registry, str(file))
    except (OSError, sqlite3.OperationalError):
        # read-only, or locked for longer than anybody should have to wait
        return _opened(registry, ":memory:")
    except sqlite3.DatabaseError:
        with contextlib.suppress(OSError, sqlite3.Error):
            file.unlink(missing_ok=True)
            return _opened(registry, str(file))
        return _opened(registry, ":memory:")


def _opened(registry: Registry, place: str) -> sqlite3.Connection:
    database = sqlite3.connect(place, timeout=30)
    try:
        database.executescript(_SCHEMA)
        _update(registry, database)
    except BaseException:
        database.close()
        raise
    return database


def _update(registry: Registry, database: sqlite3.Connection) -> None:
    """Take in the commits of runs and versions that the index does not know yet."""
    row = database.execute("SELECT value FROM mark WHERE remote = ?", (registry.remote,)).fetchone()
    namespaces = (f"{names_of_refs.PENDING}", registry.tracking, names_of_refs.TAGS)
    mark, changed = registry.refs.since(row[0] if row else "", *namespaces)
    wanted = {ref.target.raw: ref.target for ref in changed if _holds_run(ref.name)}
    # SQLite takes a few thousand parameters at once; a table of its own takes any number
    database.execute("CREATE TEMP TABLE wanted (oid BLOB PRIMARY KEY) WITHOUT ROWID")
    database.executemany("INSERT INTO wanted VALUES (?)", ((oid,) for oid in wanted))
    new = "SELECT oid FROM wanted EXCEPT SELECT oid FROM commits"
    with database:
        whole = [_take_in(registry, database, wanted[oid]) for (oid,) in database.execute(new).fetchall()]
        if all(whole):
            database.execute("INSERT OR REPLACE INTO mark VALUES (?, ?)", (registry.remote, mark))


def _holds_run(ref: str) -> bool:
    return names_of_refs.parse_run(ref) is not None or names_of_refs.parse_version(ref) is not None


def _take_in(registry: Registry, database: sqlite3.Connection, tip: Oid) -> bool:
    """Record one chain, unless an earlier one held it; False when it has to be looked at again.

    That is where a shallow clone cuts it: the rest may come. What cannot be read is passed over; reading it says why.
    """
    if database.execute("SELECT 1 FROM commits WHERE oid = ?", (tip.raw,)).fetchone():
        return True
    try:
        run = runs.chain(registry, tip)
    except RecordError:
        return True
    except MissingObjectError:
        return False
    if run is None:
        return True
    run_id = run.record.id
    if run.complete:
        commits = ((commit.oid.raw, run_id) for commit in run.commits)
        database.executemany("INSERT OR IGNORE INTO commits VALUES (?, ?)", commits)
    database.executemany("INSERT OR IGNORE INTO uses VALUES (?, ?)", ((use.commit.raw, run_id) for use in run.inputs))
    database.execute(
        "INSERT INTO tips VALUES (?, ?, ?) ON CONFLICT (run) DO UPDATE SET oid = excluded.oid, length = excluded.length"
        " WHERE excluded.length > tips.length",
        (run_id, run.tip.oid.raw, len(run.commits)),
    )
    return run.complete
