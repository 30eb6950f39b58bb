"""What the pages of `gitreg show` have in common: facts as documents for `--json`, and as parts of a page."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence

from gitreg.cli import behind, documents, human
from gitreg.cli.documents import Document
from gitreg.cli.page import Line, Page, Words, bad, bold, dim, good, name, odd
from gitreg.cli.sparkline import sparkline
from gitreg.errors import RecordError
from gitreg.git.objects import MissingObjectError
from gitreg.records import dotted
from gitreg.records.history import History
from gitreg.records.objects import Oid
from gitreg.records.records import Code, RunRecord
from gitreg.records.when import iso
from gitreg.registry import history, measures
from gitreg.registry.facts import Known, Standing
from gitreg.registry.repository import Registry

Series = Mapping[str, Sequence[float]]

# wide enough for every title that a page has
TITLES = 10
_STATES = {"finished": good, "failed": bad, "crashed": bad, "running": odd, "unknown": odd}
_SPARK = 20


def now(registry: Registry) -> str:
    """The time, RFC 3339 in UTC."""
    return iso(registry.clock())


# documents


def known_document(known: Known) -> Document:
    """A version that a run used."""
    record = known.record
    return {
        "artifact": str(known.name.collection),
        "version": known.name.label,
        "commit": str(known.commit),
        "digest": known.digest or (record.digest if record else None),
        "type": record.type if record else None,
        "size": record.size if record else None,
        "files": record.files if record else None,
    }


def standing_document(standing: Standing) -> Document:
    """An alias that names a version."""
    return {
        "alias": str(standing.alias),
        "version": str(standing.version),
        "since": standing.by.when if standing.by else None,
        "by": standing.by.person if standing.by else None,
        "reason": standing.reason,
        "previous": standing.previous.label if standing.previous else None,
        "published": standing.published,
        "until": standing.until or None,
        "behind": standing.behind.document(),
        "evidence": [item.document() for item in standing.evidence],
    }


def run_document(record: RunRecord, state: str) -> Document:
    """A run inside another document. `state` is what is known best, see `facts.current`."""
    return {**documents.run_line(record), "state": state}


def code_document(registry: Registry, code: Code) -> Document:
    """The code of a run. `base` is the commit that uncommitted changes were made on, `error` why they are not kept."""
    base = _base(registry, code)
    return {
        "commit": str(code.commit),
        "snapshot": code.snapshot,
        "base": str(base) if base else None,
        "error": code.error or None,
    }


def history_document(steps: History | None) -> Document | None:
    """What the step history of a run comes to; None when it is not here. NaN and infinities count in `steps` only."""
    if steps is None:
        return None
    found: dict[str, object] = {}
    for key, values in history.series(steps).items():
        finite = [value for value in values if math.isfinite(value)]
        found[key] = {
            "count": len(values),
            "first": values[0],
            "last": values[-1],
            "min": min(finite, default=None),
            "max": max(finite, default=None),
        }
    return {"steps": len(steps), "metrics": found}


# parts of pages


def state(word: str) -> Words:
    """The state of a run."""
    return _STATES.get(word, str)(word)


def moment(when: str, at: str) -> str:
    """When something was, as people say it and as it is written: `3 days ago (2026-03-01 12:00)`."""
    told = human.ago(when, at)
    exact = human.date(when)
    return told if told == exact else f"{told} ({exact})"


def value(found: object) -> str:
    """A config, metadata or summary value on one line; a medium as what it is, and where its file is."""
    if isinstance(found, Mapping) and dotted.is_medium(found):
        parts = (found.get(key) for key in ("_type", "artifact", "path"))
        return " ".join(part for part in parts if isinstance(part, str))
    if isinstance(found, list) and found and all(map(dotted.is_medium, found)):
        return value(found[0]) + (f" and {len(found) - 1} more" if len(found) > 1 else "")
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def measured(number: float) -> Words:
    """A metric; one that is no number any more stands out."""
    return bold(human.number(number)) if math.isfinite(number) else bad(human.number(number))


def pairs(page: Page, title: str, values: Mapping[str, object], *, most: int | None = None) -> None:
    """Values by dotted name, a line each, dimmed: `optimizer.lr  0.1`."""
    found = list(values.items())
    shown = found if most is None else found[:most]
    rows: list[Line] = [[dim(key), dim(value(item))] for key, item in shown]
    page.grid(title, rows)
    if len(shown) < len(found):
        page.fact("", [dim(f"and {len(found) - len(shown)} more; --json has all")])


def metrics(
    page: Page, numbers: Mapping[str, float], series: Series, told: Mapping[str, object], *, most: int | None = None
) -> None:
    """The numbers that a run came to, each with how it got there. `told` is what it says of metrics."""
    shown = list(measures.ranked(numbers, told).items())[:most]
    rows: list[Line] = []
    for key, number in shown:
        steps = series.get(key, ())
        drawn = sparkline(steps, width=_SPARK, blocks=page.blocks) if len(steps) > 1 else ""
        rows.append([key, measured(number), name(drawn)])
    page.grid("metrics", rows, right=(1,))
    if len(shown) < len(numbers):
        page.fact("", [dim(f"and {len(numbers) - len(shown)} more; --json has all")])


def headline(numbers: Mapping[str, float], most: int = 2) -> str:
    """The first few numbers in one cell: `loss 0.08915, accuracy 0.975`."""
    return ", ".join(f"{key} {human.number(number)}" for key, number in list(measures.ranked(numbers).items())[:most])


def tags(page: Page, found: Sequence[str]) -> None:
    """The tags of a collection or version; they hold blanks, so each is quoted where one does."""
    quoted = any(" " in tag for tag in found)
    page.fact("tags", *([[", ".join(f"'{tag}'" if quoted else tag for tag in found)]] if found else []))


def standings(page: Page, found: Iterable[Standing], at: str) -> None:
    """The aliases that name a version: since when, by whom, why."""
    for number, item in enumerate(found):
        standing(page, "" if number else "named", item, at, [good(str(item.alias))])


def standing(page: Page, title: str, item: Standing, at: str, words: Line) -> None:
    """One alias. `words` say which it is, and where it stands."""
    line = [*words]
    since = "from" if item.until else "since"
    line += [f"  {since} {human.ago(item.by.when, at)}, by {item.by.name}"] if item.by else [odd("  moved by hand")]
    if item.until:
        line.append(odd(f", until {human.ago(item.until, at)}"))
    if item.previous:
        line.append(dim(f", {item.previous.label} before"))
    if not item.published:
        line.append(odd("  unpublished"))
    page.fact(title, line)
    told = (item.reason, behind.words(item.behind), behind.numbers(item.evidence))
    page.fact("", *([dim(words)] for words in told if words), indent=2)


def versions(page: Page, title: str, found: Sequence[Known]) -> None:
    """Versions that a run used or made."""
    rows: list[Line] = []
    for item in found:
        record = item.record
        size = [record.type, human.plural(record.files, "file"), human.size(record.size)] if record else []
        rows.append([name(str(item.name)), *size, *([dim("logged again")] if item.again else [])])
        if not record:
            rows[-1] = [name(str(item.name)), dim("is not here")]
    page.grid(title, rows, right=(2, 3))


def duration(record: RunRecord) -> str:
    """How long a run took; '' while it goes on, and for less than the second that times are recorded to."""
    took = human.seconds_between(record.started, record.ended)
    return human.duration(took) if took else ""


def run_line(page: Page, record: RunRecord, word: str) -> None:
    """The run that made something, on one line. `word` is its state as it is known best."""
    took = duration(record)
    ended = f" in {took}" if took else ""
    job = f", {record.job_type}" if record.job_type else ""
    page.fact("run", [name(record.name), f"{job}, ", state(word), ended, dim(f"  {record.id}")])


def code(page: Page, registry: Registry, found: Code) -> None:
    """Which code it was, and how to see what was not committed."""
    base, subject = _base(registry, found), _subject(registry, found.commit)
    if subject is None:
        page.fact("code", [found.commit.short, dim("  is not here")])
    elif base:
        page.fact("code", [found.commit.short, odd("  with uncommitted changes"), f" on top of {base.short}"])
        page.fact("", [dim(f"git diff {base.short} {found.commit.short}")])
    else:
        page.fact("code", [found.commit.short, "  ", dim(subject)])
    if found.error:
        page.fact("", [bad(f"uncommitted changes could not be kept: {found.error}")])


def _base(registry: Registry, code: Code) -> Oid | None:
    """The commit that a snapshot was made on; None without one, and before the first commit of a repository."""
    if not code.snapshot:
        return None
    try:
        return next(iter(registry.objects.commit(code.commit).parents), None)
    except (MissingObjectError, RecordError):
        return None


def _subject(registry: Registry, commit: Oid) -> str | None:
    """The first line of a commit's message, None when it is not here."""
    try:
        return registry.objects.commit(commit).message.partition("\n")[0]
    except (MissingObjectError, RecordError):
        return None
