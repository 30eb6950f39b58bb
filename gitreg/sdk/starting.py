"""Starting a run as `init` was told: a new one, one to go on with, one of another process, or one in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from gitreg.errors import ConfigError, InvalidValueError, NotFoundError, UsageError
from gitreg.records.names import RunId, check_run_id
from gitreg.records.objects import ZERO
from gitreg.records.records import Code, RunRecord
from gitreg.registry import runs
from gitreg.registry.journal import Journal
from gitreg.registry.live import LiveRun, not_ended
from gitreg.registry.recover import recover
from gitreg.registry.repository import Registry
from gitreg.registry.start import has_other_code, new_id, start_run
from gitreg.sdk import bundling
from gitreg.sdk.environment import Environment, rank
from gitreg.sdk.mappings import config_values, same
from gitreg.sdk.opening import check_directory, open_registry
from gitreg.sdk.talk import logger, once
from gitreg.sdk.targets import text
from gitreg.sdk.unrecorded import Unrecorded, now
from gitreg.sdk.values import check_size, plain

MODES = ("online", "offline", "shared", "disabled")
RESUME = ("allow", "must", "never", "auto")
_RANKS = ("first", "all")
_OPEN_ENDED = "resume"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `init` was told, by its arguments, the settings, and the environment.

    Attributes:
        directory: where to look for the repository.
        run_id: the run's id, None for a new one.
        attach: whether a run of that id that another process has started is meant.
        name, config, labels: as they are recorded.
        resume: one of `RESUME`, or '' when a run of that id may not be there yet.
        ranks: `first` or `all`.
    """

    directory: Path
    run_id: RunId | None
    attach: bool
    name: str
    config: Mapping[str, Any]
    labels: Mapping[str, Any]
    mode: str
    resume: str
    ranks: str
    allow_val_change: bool

    @classmethod
    def of(cls, given: Mapping[str, Any], ranks: str | None, *, left: Container[str] = ()) -> Wanted:
        """From the arguments of `init` that were given, and the environment.

        `left` are the runs of other processes that this one has left: the environment means none of them any more.
        Raises: UsageError, TypeError.
        """
        environment = Environment.read()

        def told(name: str, default: Any = None) -> Any:
            value = worded(given.get(name))
            return value or getattr(environment, {"dir": "directory"}.get(name, name), None) or default

        run_id = given.get("id")
        if run_id is not None:
            text(run_id, "the id of a run", 'such as id="first-try"')
        values = config_values(given.get("config"))
        excluded, included = given.get("config_exclude_keys"), given.get("config_include_keys")
        if excluded or included:
            values = {
                key: value
                for key, value in values.items()
                if key not in (excluded or ()) and (not included or key in included)
            }
        check_size(values, "config")
        mode, resume = told("mode", "online"), _resume(given.get("resume"), environment.resume)
        for what, value, known in (("mode", mode, MODES), ("GITREG_RANKS", ranks or told("ranks", "first"), _RANKS)):
            if value not in known:
                raise UsageError(f"{what} {str(value)[:100]!r} is not known", hint=f"one of {', '.join(known)}")
        taken = run_id if run_id is not None else environment.run_id
        if run_id is None and taken in left:
            once(f"run '{taken}', which GITREG_RUN_ID names, was finished in this process: a new run starts")
            taken = None
        return cls(
            directory=Path(told("dir", ".")).absolute(),
            run_id=check_run_id(taken) if taken is not None else None,
            attach=mode == "shared" or (taken is not None and taken == environment.run_id),
            name=label(told("name")),
            config=values,
            labels={
                **{key: label(told(key)) for key in ("job_type", "group", "project", "entity")},
                "notes": notes(told("notes")),
                "tags": run_tags(told("tags")),
            },
            mode=mode,
            resume=resume,
            ranks=ranks or told("ranks", "first"),
            allow_val_change=bool(given.get("allow_val_change")),
        )


@dataclass(frozen=True, slots=True)
class Started:
    """A run that goes on.

    Attributes:
        live: the run itself.
        attached: whether another process ends it.
        resumed: whether it had ended before.
    """

    live: LiveRun | Unrecorded
    attached: bool = False
    resumed: bool = False


def start(wanted: Wanted) -> Started:
    """Start, resume or attach to the run. Raises: as `init`."""
    if wanted.mode == "disabled":
        return Started(Unrecorded(_in_memory(wanted), wanted.directory))
    place = rank()
    if place and place[1] and wanted.ranks != "all" and wanted.mode != "shared":
        once(f"{place[0]} is {place[1]}: this process records nothing, the first one does; GITREG_RANKS=all lets all")
        return Started(Unrecorded(_of_first(wanted) or _in_memory(wanted), wanted.directory))
    check_directory(wanted.directory)
    bundled = bundling.opened(wanted.directory, wanted.mode, wanted.run_id)
    registry, run_id = bundled or (open_registry(wanted.directory), wanted.run_id)
    if wanted.run_id and wanted.attach:
        with contextlib.suppress(NotFoundError):
            return _attached(registry, wanted.run_id, wanted)
    _recover(registry)
    resumed = _resumed(registry, wanted) if wanted.resume not in ("", "never") else None
    try:
        live = resumed or start_run(
            registry, run_id=run_id, name=wanted.name, config=wanted.config, **dict(wanted.labels)
        )
    except UsageError as error:
        if wanted.mode == "shared" and wanted.run_id:
            # another process was faster
            with contextlib.suppress(NotFoundError):
                return _attached(registry, wanted.run_id, wanted)
        if wanted.run_id and not Journal.of(registry.private, wanted.run_id).path.exists():
            error.hint = 'leave the id out, choose another, or go on with that run: resume="allow"'
        raise
    if live.record.code.error and not resumed:
        logger.warning("uncommitted changes are not recorded: %s", live.record.code.error)
    if wanted.resume == "auto":
        (registry.private / _OPEN_ENDED).write_text(live.record.id, encoding="ascii")
    return Started(live, resumed=resumed is not None)


def ended(started: Started) -> None:
    """Forget the run that `resume="auto"` would go on with, once it has ended well."""
    live = started.live
    if isinstance(live, LiveRun) and not started.attached and live.record.state == "finished":
        note = live.registry.private / _OPEN_ENDED
        with contextlib.suppress(FileNotFoundError):
            if note.read_text(encoding="ascii") == live.record.id:
                note.unlink()


def _in_memory(wanted: Wanted) -> RunRecord:
    run_id = wanted.run_id or new_id()
    name = wanted.name or f"unrecorded-{run_id}"
    code = Code(ZERO, snapshot=False)
    return RunRecord(id=run_id, name=name, code=code, started=now(), config=wanted.config, **wanted.labels)


def _of_first(wanted: Wanted) -> RunRecord | None:
    """What the run that the first rank has attached to says, None when it has none to attach to."""
    if wanted.run_id is None:
        return None
    with contextlib.suppress(NotFoundError, UsageError):
        registry = open_registry(wanted.directory, writing=False)
        return LiveRun.read(registry, Journal.of(registry.private, wanted.run_id)).record
    return None


def _attached(registry: Registry, run_id: RunId, wanted: Wanted) -> Started:
    """The run that another process has started, with the config and labels that it has not set itself."""
    live = LiveRun.attach(registry, run_id)
    live.note_process()
    known = live.record.config
    new = {key: value for key, value in wanted.config.items() if key not in known}
    kept = [key for key, value in wanted.config.items() if key not in new and not same(known[key], value)]
    if kept:
        logger.warning("config %s: the value that the run was started with stays", ", ".join(kept))
    if new:
        live.update_config(new)
    live.add_labels({**wanted.labels, "tags": list(wanted.labels["tags"])})
    return Started(live, attached=True)


def _resumed(registry: Registry, wanted: Wanted) -> LiveRun | None:
    """The run that is to go on, None when there is none and that is right. Raises: UsageError, ConfigError."""
    run_id = wanted.run_id
    note = registry.private / _OPEN_ENDED
    if run_id is None and wanted.resume == "auto" and note.exists():
        run_id = check_run_id(note.read_text(encoding="ascii"))
    if run_id is None and wanted.resume != "must":
        return None
    if run_id is None:
        raise UsageError("which run is to be resumed is not said", hint='init(id="3kf9a1xq", resume="must")')
    journal = Journal.of(registry.private, run_id)
    if journal.path.exists():
        raise not_ended(journal)
    try:
        known = runs.get(registry, run_id).record.config
        changed = [
            f"'{key}' is {known[key]!r} and would become {value!r}"
            for key, value in wanted.config.items()
            if key in known and not same(known[key], value)
        ]
        if changed and not wanted.allow_val_change:
            raise ConfigError(
                f"config of run '{run_id}': {', '.join(changed)}",
                hint="pass allow_val_change=True to init, or leave them out",
            )
        live = LiveRun.resume(registry, run_id)
    except NotFoundError as error:
        if wanted.resume == "must":
            raise UsageError(
                f"run '{run_id}' cannot be resumed: it is not here",
                hint="'gitreg fetch' brings what others have published; resume=\"allow\" starts it",
            ) from error
        return None
    if has_other_code(registry, live.record.code):
        logger.warning("the code is not what run '%s' began with, which its record goes on to name", live.record.name)
    if wanted.config:
        live.update_config(wanted.config)
    live.add_labels({**wanted.labels, "tags": []})
    if wanted.labels["tags"]:
        live.set_labels({"tags": list(dict.fromkeys((*live.record.tags, *wanted.labels["tags"])))})
    return live


def _recover(registry: Registry) -> None:
    """Record the runs that were killed here earlier; one that cannot be recorded keeps nobody from working."""
    found = recover(registry)
    for record in found.runs:
        logger.warning("run '%s' was killed; what it had logged is recorded, as %s", record.name, record.state)
    for run_id, error in found.failed.items():
        logger.warning("run '%s' was killed and cannot be recorded: %s", run_id, error)


def _resume(given: object, environment: str | None) -> str:
    """The word for what `init` was told. Raises: UsageError."""
    value = given if given is not None else environment
    if isinstance(value, str) and value.lower() in ("true", "false"):
        value = value.lower() == "true"
    word = "auto" if value is True else value or ""
    if word not in (*RESUME, ""):
        raise UsageError(f"resume={str(value)[:100]!r} is not known", hint=f"one of {', '.join(RESUME)}, or True")
    return str(word)


def label(given: object) -> str:
    """A label of a run. Raises: UsageError for control characters, InvalidValueError (a TypeError)."""
    words = text(worded(given) or "", "a label of a run", "write plain words")
    if not words.isprintable():
        raise UsageError(f"{words[:100]!r} holds control characters", hint="labels are for people: write plain words")
    return words


def notes(given: object) -> str:
    """What somebody wrote about a run. Raises: InvalidValueError (a TypeError)."""
    return str(plain(text(worded(given) or "", "notes", "write plain words")))


def worded(value: object) -> object:
    """A number as text, such as the name of a run of a sweep; anything else as it is."""
    return str(value) if isinstance(value, Real) and not isinstance(value, bool) else value


def run_tags(tags: Sequence[str] | str | None) -> tuple[str, ...]:
    """A run's tags, each once. Raises: InvalidValueError (a TypeError)."""
    tags = worded(tags)  # type: ignore[assignment]
    if tags is not None and not isinstance(tags, Iterable):
        raise InvalidValueError(f"tags are a list of text, not {type(tags).__name__}", hint='such as ["baseline"]')
    return tuple(dict.fromkeys(plain(str(tag)) for tag in ([tags] if isinstance(tags, str) else tags or ())))
