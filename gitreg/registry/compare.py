"""What differs between two versions, or two runs. Pure: values in, a `Comparison` out. `subjects` reads them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gitreg.git.difference import Stat
from gitreg.records import dotted
from gitreg.records.listing import FileEntry
from gitreg.records.names import VersionName
from gitreg.records.objects import Oid
from gitreg.records.records import Code
from gitreg.registry import measures
from gitreg.registry.measures import Direction

Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Input:
    """A version that was used.

    Attributes:
        name: the one it has now.
        commit: its identity.
        size: bytes of its files, None when its tag is not here.
    """

    name: VersionName
    commit: Oid
    size: int | None


@dataclass(frozen=True, slots=True)
class Content:
    """The files of a version.

    Attributes:
        manifest: sha256 of their list: equal lists are equal contents.
        count, size: of all of them; bytes.
        files: None when the list is not here.
    """

    manifest: str
    count: int
    size: int
    files: Sequence[FileEntry] | None


@dataclass(frozen=True, slots=True)
class Subject:
    """One of the two that are compared.

    Attributes:
        name: `mnist_model:v3`, or a run's name.
        commit: a version's commit; a run's newest, None before the first.
        run: the id of the run itself, or of the one that made the version.
        about: what is said of it in a word or a text, such as its type and description.
        config, summary, metadata: as they were recorded.
        inputs: what was used.
        metrics: what the run has said of metrics, FORMAT.md 4.6.
        content: None for a run.
        references: where each reference of a version leads, and what tells its bytes from others, by path.
        code: what it was made with.
    """

    name: str
    commit: Oid | None
    run: str
    about: Mapping[str, object]
    config: Mapping[str, object]
    summary: Mapping[str, object]
    code: Code
    metadata: Mapping[str, object] = field(default_factory=dict)
    inputs: Sequence[Input] = ()
    metrics: Mapping[str, object] = field(default_factory=dict)
    content: Content | None = None
    references: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """A value that differs, by its dotted path. What is not there is None; `kind` tells it from a value of None."""

    path: str
    kind: Kind
    old: object
    new: object


@dataclass(frozen=True, slots=True)
class Changes:
    """Values that differ, and how many do not."""

    changed: tuple[Change, ...]
    unchanged: int


@dataclass(frozen=True, slots=True)
class MetricChange:
    """A number of a run's summary, whether or not it differs.

    Attributes:
        name: dotted.
        old, new: None where there is none.
        delta: new - old, None where one is missing or NaN.
        relative: the delta as a share of the old value, None where that is 0 or either is not finite.
        better: whether the new one is; None where it is the same, or nobody knows which direction is the better one.
    """

    name: str
    old: float | None
    new: float | None
    delta: float | None
    relative: float | None
    better: bool | None

    @property
    def kind(self) -> Kind | None:
        """None where both are the same, NaN and NaN too."""
        if self.old is None or self.new is None:
            return "added" if self.old is None else "removed"
        return None if _same(self.old, self.new) else "changed"


@dataclass(frozen=True, slots=True)
class InputChange:
    """A version that was used by one of the two only; the other's of the same collection, if there is one."""

    old: Input | None
    new: Input | None

    @property
    def kind(self) -> Kind:
        """Whether the input is another, or came or went."""
        return _kind(self.old, self.new)


@dataclass(frozen=True, slots=True)
class InputChanges:
    """The inputs that differ, and how many do not."""

    changed: tuple[InputChange, ...]
    unchanged: int


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that is in one of the two only, or has other bytes."""

    old: FileEntry | None
    new: FileEntry | None

    @property
    def kind(self) -> Kind:
        """Whether its bytes are others, or it came or went."""
        return _kind(self.old, self.new)

    @property
    def path(self) -> str:
        """Its path inside the artifact."""
        return (self.new or self.old).path  # type: ignore[union-attr]  # one of them is there


@dataclass(frozen=True, slots=True)
class FileChanges:
    """The files of two versions.

    Attributes:
        old, new: what the versions hold.
        changed: by path; None when they differ and a list is not here.
        unchanged: how many are the same.
    """

    old: Content
    new: Content
    changed: tuple[FileChange, ...] | None
    unchanged: int

    @property
    def same(self) -> bool:
        """Whether both hold the same files."""
        return self.changed == ()


@dataclass(frozen=True, slots=True)
class CodeChange:
    """The code of both.

    Attributes:
        stat: what lies between them; None when one of the commits is not here.
    """

    old: Code
    new: Code
    stat: Stat | None

    @property
    def same(self) -> bool:
        """Whether the files of both commits are the same, as far as that is known here."""
        return self.old.commit == self.new.commit or (self.stat is not None and not self.stat.files)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two versions, or two runs.

    Attributes:
        old, new: the two.
        about: type, description and the like.
        config, metadata: by dotted path.
        metrics: the numbers of the summaries, also those that are the same.
        results: what else is in the summaries.
        inputs, code: what they were made from.
        files: None for runs.
        references: by path.
    """

    old: Subject
    new: Subject
    about: Changes
    config: Changes
    metadata: Changes
    metrics: tuple[MetricChange, ...]
    results: Changes
    inputs: InputChanges
    files: FileChanges | None
    references: Changes
    code: CodeChange

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        parts = (self.about, self.config, self.metadata, self.results, self.inputs, self.references)
        return (
            not any(part.changed for part in parts)
            and not any(metric.kind for metric in self.metrics)
            and (self.files is None or self.files.same)
            and self.code.same
        )


def compare(old: Subject, new: Subject, *, stat: Stat | None = None) -> Comparison:
    """Compare two versions, or two runs. `stat` is what lies between their code commits, None where that is unknown."""
    direction = measures.directions(old.metrics, new.metrics)
    old_numbers, new_numbers = dotted.numbers(old.summary), dotted.numbers(new.summary)
    # what tells how good it is comes first
    names = sorted({**new_numbers, **old_numbers}, key=lambda name: direction(name) is None)
    return Comparison(
        old,
        new,
        about=changes(old.about, new.about),
        config=changes(dotted.flat(old.config), dotted.flat(new.config)),
        metadata=changes(dotted.flat(old.metadata), dotted.flat(new.metadata)),
        metrics=tuple(_metric(name, old_numbers.get(name), new_numbers.get(name), direction(name)) for name in names),
        results=changes(_others(old.summary, names), _others(new.summary, names)),
        inputs=_inputs(old.inputs, new.inputs),
        files=_files(old.content, new.content) if old.content and new.content else None,
        references=changes(old.references, new.references),
        code=CodeChange(old.code, new.code, stat),
    )


def changes(old: Mapping[str, object], new: Mapping[str, object]) -> Changes:
    """What differs between flat values, in the order of the new ones."""
    found, unchanged = [], 0
    for path in (*new, *(path for path in old if path not in new)):
        if path in old and path in new and _same(old[path], new[path]):
            unchanged += 1
        else:
            kind: Kind = "changed" if path in old and path in new else "added" if path in new else "removed"
            found.append(Change(path, kind, old.get(path), new.get(path)))
    return Changes(tuple(found), unchanged)


def _others(summary: Mapping[str, object], numbers: Iterable[str]) -> dict[str, object]:
    """What is no metric in either of the two; `_step` and the like are bookkeeping."""
    known = set(numbers)
    return {
        name: value for name, value in dotted.flat(summary).items() if name not in known and not name.startswith("_")
    }


def _same(old: object, new: object) -> bool:
    """Equal values: 1 and 1.0 are, NaN and NaN too, 1 and true are not."""
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    if isinstance(old, float) and isinstance(new, float) and math.isnan(old) and math.isnan(new):
        return True
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(_same(value, new[key]) for key, value in old.items())
    if isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)):
        return len(old) == len(new) and all(map(_same, old, new))
    return old == new


def _metric(name: str, old: float | None, new: float | None, direction: Direction | None) -> MetricChange:
    if old is None or new is None or math.isnan(old) or math.isnan(new):
        return MetricChange(name, old, new, None, None, None)
    # of two equal infinities it would be NaN
    delta = 0 if old == new else new - old
    finite = all(map(math.isfinite, (old, new, delta)))
    relative = delta / abs(old) if finite and old else None
    better = None if old == new or direction is None else (new > old) == (direction == "higher")
    return MetricChange(name, old, new, delta, relative, better)


def _inputs(old: Sequence[Input], new: Sequence[Input]) -> InputChanges:
    """The versions of one collection are paired in the order of use."""
    before = {item.commit: item for item in old}
    after = {item.commit: item for item in new}
    gone = [item for commit, item in before.items() if commit not in after]
    found = []
    for item in (item for commit, item in after.items() if commit not in before):
        twin = next((other for other in gone if other.name.collection == item.name.collection), None)
        if twin:
            gone.remove(twin)
        found.append(InputChange(twin, item))
    found += [InputChange(item, None) for item in gone]
    return InputChanges(tuple(found), len(before.keys() & after.keys()))


def _files(old: Content, new: Content) -> FileChanges:
    if old.manifest == new.manifest:
        return FileChanges(old, new, (), new.count)
    if old.files is None or new.files is None:
        return FileChanges(old, new, None, 0)
    before = {entry.path: entry for entry in old.files}
    after = {entry.path: entry for entry in new.files}
    found = [
        FileChange(before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if path not in before or path not in after or before[path].sha256 != after[path].sha256
    ]
    return FileChanges(old, new, tuple(found), len(before.keys() | after.keys()) - len(found))


def _kind(old: object, new: object) -> Kind:
    return "added" if old is None else "removed" if new is None else "changed"
