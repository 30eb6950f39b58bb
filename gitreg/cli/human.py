"""How numbers, sizes and times are written for people."""

from __future__ import annotations

from gitreg.records.when import moment

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_STEPS = (("minute", 60), ("hour", 3600), ("day", 86400), ("week", 604800), ("month", 2629800), ("year", 31557600))


def size(count: int) -> str:
    """A number of bytes: `0 bytes`, `1.2 MB`, in powers of 1000."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return plural(count, "byte") if unit == 0 else f"{value:.3g} {_UNITS[unit]}"


def plural(count: int, noun: str) -> str:
    """`1 file`, `2 files`, `1 alias`, `2 aliases`, `10,000 versions`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}{'es' if noun.endswith('s') else 's'}"


def ago(when: str, now: str) -> str:
    """How long before `now` something was, both in ISO 8601: `just now`, `3 days ago`.

    A time to come is itself, and so is what somebody wrote there that is no time.
    """
    then, at = moment(when), moment(now)
    if then is None or at is None:
        return when
    seconds = (at - then).total_seconds()
    if seconds < 0:
        return date(when)
    count, noun = 0, ""
    for name, length in _STEPS:
        # from 48 hours on people count in days, from 14 days on in weeks
        if seconds >= length * (1 if name in ("minute", "hour") else 2) or not count:
            count, noun = int(seconds // length), name
    return f"{plural(count, noun)} ago" if count else "just now"


def date(when: str) -> str:
    """A time in ISO 8601 for people, to the second: `2026-03-01 12:00:00`, in UTC. What is no time stays as it is."""
    then = moment(when)
    return then.strftime("%Y-%m-%d %H:%M:%S") if then else when


def seconds_between(first: str, last: str) -> float | None:
    """The seconds from one time to another, both in ISO 8601; None when one is no time."""
    start, end = moment(first), moment(last)
    return (end - start).total_seconds() if start and end else None


def duration(seconds: float) -> str:
    """How long something took, in its two largest units: `40 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    count = max(round(seconds), 0)
    parts: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if count >= length or (unit == "s" and not parts):
            parts.append(f"{count // length} {unit}")
            count %= length
        elif parts:
            break
    return " ".join(parts[:2])


def number(value: float) -> str:
    """A metric: four significant digits, and integers as they are."""
    return str(value) if isinstance(value, int) else f"{value:.4g}"
