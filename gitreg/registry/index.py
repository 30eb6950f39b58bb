"""Who used which version: answered from a derived index, because it would cost a pass over every run.

It lies under `<git common dir>/gitreg/`, holds facts about commits (which never change), takes in what is new each time
it is asked, and can be deleted at any time. Where it cannot be written it is built in memory.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeVar

from gitreg.errors import RecordError
from gitreg.git.objects import MissingObjectError
from gitreg.git.refs import Ref
from gitreg.records import refs as names_of_refs
from gitreg.records.names import RunId
from gitreg.records.objects import Oid
from gitreg.registry import runs, versions
from gitreg.registry.repository import Registry

# The version is in the file's name: another release's index is left alone.
_FILE = "index-3.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS commits (oid BLOB PRIMARY KEY, run TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uses (input BLOB, run TEXT, PRIMARY KEY (input, run)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tips (
    run TEXT PRIMARY KEY, oid BLOB NOT NULL, length INTEGER NOT NULL, started TEXT NOT NULL, name TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mark (remote TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

# commits that are read at once
_WINDOW = 200

T = TypeVar("T")


class Index:
    """The index, up to date as of when it was opened."""

    def __init__(self, registry: Registry, database: sqlite3.Connection) -> None:
        self._registry = registry
        self._database = database

    def used_by(self, commit: Oid) -> list[RunId]:
        """The runs that used the version of this commit, by id."""
        rows = self._rows("SELECT run FROM uses WHERE input = ? ORDER BY run", commit.raw)
        return [RunId(run) for (run,) in rows if self._is_here(run)]

    def tip(self, run_id: RunId) -> Oid | None:
        """The newest known commit of a run; a ref says more than the longest chain that was ever seen."""
        found = runs.tip(self._registry, run_id)
        if found:
            return found
        rows = self._rows("SELECT oid FROM tips WHERE run = ?", run_id)
        return Oid(rows[0][0]) if rows and self._is_here(run_id) else None

    def tips(self) -> dict[RunId, Oid]:
        """The newest known commit of every run, also of those that are known only through their versions' tags."""
        rows = self._rows("SELECT run, oid FROM tips")
        found = {RunId(run): Oid(oid) for run, oid in rows if self._is_here(run)}
        return found | {run: tip for run, tip in self._with_ref.items() if run in found}

    def began(self) -> dict[RunId, tuple[str, str]]:
        """When every known run began, as it says itself, and its name."""
        rows = self._rows("SELECT run, started, name FROM tips")
        return {RunId(run): (started, name) for run, started, name in rows}

    def named(self, name: str) -> dict[RunId, tuple[str, str]]:
        """The same of the runs of this name."""
        rows = self._rows("SELECT run, started FROM tips WHERE name = ?", name)
        return {RunId(run): (started, name) for run, started in rows if self._is_here(run)}

    def names(self) -> set[str]:
        """The names of all runs."""
        return {name for (name,) in self._rows("SELECT name FROM tips")}

    def _is_here(self, run: str) -> bool:
        """Whether a ref still leads to the run. What was dropped, or deleted by hand, has commits for a while."""
        return run in self._with_ref or run in self._of_versions

    @cached_property
    def _with_ref(self) -> dict[RunId, Oid]:
        return {run: tip for run, (tip, _) in runs.tips(self._registry).items()}

    @cached_property
    def _of_versions(self) -> frozenset[str]:
        """The runs that a version's tag leads to; all tags are listed for it, so it is the second question."""
        oids = {(version.commit.raw,) for version in versions.all_versions(self._registry)}

        def question(database: sqlite3.Connection) -> frozenset[str]:
            # a transaction that stays open would keep others from writing
            with database:
                database.execute("CREATE TEMP TABLE named (oid BLOB PRIMARY KEY) WITHOUT ROWID")
                database.executemany("INSERT INTO named VALUES (?)", oids)
                both = "SELECT run FROM commits NATURAL JOIN named UNION SELECT run FROM tips NATURAL JOIN named"
                return frozenset(run for (run,) in database.execute(both).fetchall())

        return self._ask(question)

    def _rows(self, query: str, *parameters: object) -> list[Any]:
        return self._ask(lambda database: database.execute(query, parameters).fetchall())

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """The answer; damage is often met only where it is read, and the index is then made anew."""
        try:
            return question(self._database)
        except sqlite3.DatabaseError as error:
            self.close()
            self._database = _anew(self._registry, error)
            return question(self._database)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


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
    with contextlib.closing(Index(registry, _current(registry))) as index:
        yield index


def damage(registry: Registry) -> str:
    """Why the index on disk cannot be used, '' when it can be, or there is none. Reads all of it, writes nothing."""
    file = registry.private / _FILE
    if not file.exists():
        return ""
    try:
        with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            rows = database.execute("PRAGMA quick_check(1)").fetchall()
            database.execute("SELECT count(*) FROM commits, uses, tips, mark WHERE 0")
    except sqlite3.Error as error:
        return "" if "locked" in str(error) else str(error)
    return "" if rows == [("ok",)] else str(rows[0][0])


def rebuild(registry: Registry) -> None:
    """Throw the index away and make it anew. Raises: OSError."""
    (registry.private / _FILE).unlink(missing_ok=True)
    _current(registry).close()


def _current(registry: Registry) -> sqlite3.Connection:
    """The index on disk, up to date; a damaged one is made anew, and one in memory where it cannot be written."""
    file = registry.private / _FILE
    try:
        registry.private.mkdir(exist_ok=True)
        return _opened(registry, str(file))
    except (OSError, sqlite3.DatabaseError) as error:
        return _anew(registry, error)


def _anew(registry: Registry, error: Exception) -> sqlite3.Connection:
    """An index in place of one that failed: on disk if that one is damaged, and if possible."""
    # what is read-only, or locked for longer than anybody should have to wait, is not damaged
    if not isinstance(error, (OSError, sqlite3.OperationalError)):
        file = registry.private / _FILE
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
    changed = sorted(filter(_holds_run, changed), key=lambda ref: names_of_refs.parse_run(ref.name) is None)
    wanted = {ref.target.raw: ref.target for ref in changed}
    # SQLite takes a few thousand parameters at once; a table of its own takes any number
    database.execute("CREATE TEMP TABLE wanted (oid BLOB PRIMARY KEY) WITHOUT ROWID")
    database.executemany("INSERT INTO wanted VALUES (?)", ((oid,) for oid in wanted))
    new = {oid for (oid,) in database.execute("SELECT oid FROM wanted EXCEPT SELECT oid FROM commits").fetchall()}
    # the runs first: they hold most of the versions
    tips = [tip for oid, tip in wanted.items() if oid in new]
    with database:
        whole = []
        for start in range(0, len(tips), _WINDOW):
            registry.objects.read_ahead(tips[start : start + _WINDOW])
            whole += [_take_in(registry, database, tip) for tip in tips[start : start + _WINDOW]]
        if all(whole):
            database.execute("INSERT OR REPLACE INTO mark VALUES (?, ?)", (registry.remote, mark))


def _holds_run(ref: Ref) -> bool:
    return names_of_refs.parse_run(ref.name) is not None or names_of_refs.parse_version(ref.name) is not None


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
        "INSERT INTO tips VALUES (?, ?, ?, ?, ?) ON CONFLICT (run) DO UPDATE SET oid = excluded.oid,"
        " length = excluded.length, started = excluded.started, name = excluded.name"
        " WHERE excluded.length > tips.length",
        (run_id, run.tip.oid.raw, len(run.commits), run.record.started, run.record.name),
    )
    return run.complete
