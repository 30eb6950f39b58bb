"""The dates that people write: `NAME:production@{2026-03-01}`, `--at '3 days ago'`.

A small grammar of our own. git's takes what it does not understand for now, and so a slip would name another version.
Everything is UTC, and one second is the smallest unit, as in a commit.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

from gitreg.errors import InvalidDateError

_UTC = timezone.utc
_EPOCH = datetime(1970, 1, 1, tzinfo=_UTC)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.[0-9]{1,9})?"
    r"(?:Z|([+-])([01][0-9]|2[0-3]):?([0-5][0-9]))?",
    re.IGNORECASE,
)
_AGO = re.compile(r"([0-9]{1,6}) (minute|hour|day|week|month|year)s? ago", re.IGNORECASE)
_DAYS_BACK = {"today": 0, "yesterday": 1}
_HINT = "write 2026-03-01, 2026-03-01T12:00+01:00 (without an offset: UTC), yesterday, or '3 days ago'"


@dataclass(frozen=True, slots=True)
class Span:
    """From the first to the last second that a date means, in seconds since 1970; the same one for a time."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class When:
    """A date or time as it was written. What `yesterday` means is only known with a clock: see `span`."""

    text: str

    @classmethod
    def parse(cls, text: str) -> When:
        """Parse a date, a time, `now`, `today`, `yesterday`, or `N minutes|hours|days|weeks|months|years ago`.

        Raises: InvalidDateError.
        """
        _read(text, _EPOCH)
        return cls(text)

    def span(self, now: int) -> Span:
        """What it means at the time `now`. What was then is what was there at the span's last second.

        Raises: InvalidDateError when it is in the future.
        """
        first, last = _read(self.text, _EPOCH + now * _SECOND)
        if first > _EPOCH + now * _SECOND:
            raise InvalidDateError(self.text, "is in the future", hint="leave the date out for what is there now")
        return Span((first - _EPOCH) // _SECOND, (last - _EPOCH) // _SECOND)

    def __str__(self) -> str:
        return self.text


def iso(seconds: int) -> str:
    """A time since 1970 in RFC 3339 and UTC, as records have it."""
    return (_EPOCH + seconds * _SECOND).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime | None:
    """The time that a record tells in RFC 3339, in UTC; None for what is no time: a record may hold any text there."""
    try:
        # the oldest Python here does not read the Z
        read = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (read if read.tzinfo else read.replace(tzinfo=_UTC)).astimezone(_UTC)
    except (ValueError, OverflowError):
        return None


def _read(text: str, now: datetime) -> tuple[datetime, datetime]:
    """The first and the last moment that a text means. Raises: InvalidDateError."""
    word = text.lower()
    if word == "now":
        return now, now
    if word in _DAYS_BACK:
        return _whole(now.date() - _DAYS_BACK[word] * _DAY)
    ago, moment = _AGO.fullmatch(text), _TIME.fullmatch(text)
    try:
        if ago:
            then = _back(now, int(ago[1]), ago[2].lower())
            return then, then
        if moment:
            then = _moment(moment)
            return then, then
        if _DATE.fullmatch(text):
            return _whole(date.fromisoformat(text))
    except (ValueError, OverflowError):
        raise InvalidDateError(text, "is on no calendar or clock", hint=_HINT) from None
    raise InvalidDateError(text, "is no date", hint=_HINT)


def _whole(day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time(), _UTC)
    return start, start + (_DAY - _SECOND)


def _moment(match: re.Match[str]) -> datetime:
    day, clock, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    then = datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), _UTC)
    return then + offset if sign == "-" else then - offset


def _back(now: datetime, count: int, unit: str) -> datetime:
    """The same time of day so long ago; the last day of a month that has no such day."""
    if unit not in ("month", "year"):
        return now - count * timedelta(**{f"{unit}s": 1})
    year, month = divmod(now.year * 12 + now.month - 1 - count * (12 if unit == "year" else 1), 12)
    return now.replace(year=year, month=month + 1, day=min(now.day, monthrange(year, month + 1)[1]))
