"""How numbers, sizes and times are written for people."""

from __future__ import annotations

from datetime import datetime, timezone

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_STEPS = (("minute", 60), ("hour", 3600), ("day", 86400), ("week", 604800), ("month", 2629800), ("year", 31557600))


def size(count: int) -> str:
    """A number of bytes: `0 bytes`, `1.2 MB`, in powers of 1000."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{count} bytes" if unit == 0 else f"{value:.3g} {_UNITS[unit]}"


def plural(count: int, noun: str) -> str:
    """`1 file`, `2 files`, `1 alias`, `2 aliases`, `10,000 versions`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}{'es' if noun.endswith('s') else 's'}"


def ago(when: str, now: str) -> str:
    """How long before `now` something was, both in ISO 8601: `just now`, `3 days ago`; a time to come is itself."""
    seconds = (_read(now) - _read(when)).total_seconds()
    if seconds < 0:
        return date(when)
    count, noun = 0, ""
    for name, length in _STEPS:
        # from 48 hours on people count in days, from 14 days on in weeks
        if seconds >= length * (1 if name in ("minute", "hour") else 2) or not count:
            count, noun = int(seconds // length), name
    return f"{plural(count, noun)} ago" if count else "just now"


def date(when: str) -> str:
    """A time in ISO 8601 for people, to the second: `2026-03-01 12:00:00`, in UTC."""
    return _read(when).astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def number(value: float) -> str:
    """A metric: four significant digits, and integers as they are."""
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def _read(when: str) -> datetime:
    read = datetime.fromisoformat(when.replace("Z", "+00:00"))
    return read if read.tzinfo else read.replace(tzinfo=timezone.utc)
