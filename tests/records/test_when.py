"""The grammar of dates: what each form means, and that nothing else means anything."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitreg.errors import InvalidDateError
from gitreg.records.when import When


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp())


NOW = seconds("2026-03-31T10:20:30")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        # a day is all of it, in UTC
        ("2026-03-01", "2026-03-01T00:00:00", "2026-03-01T23:59:59"),
        ("2024-02-29", "2024-02-29T00:00:00", "2024-02-29T23:59:59"),
        ("yesterday", "2026-03-30T00:00:00", "2026-03-30T23:59:59"),
        ("today", "2026-03-31T00:00:00", "2026-03-31T23:59:59"),
        ("Yesterday", "2026-03-30T00:00:00", "2026-03-30T23:59:59"),
    ],
)
def test_a_day_is_from_its_first_to_its_last_second(text: str, first: str, last: str) -> None:
    span = When.parse(text).span(NOW)
    assert (span.first, span.last) == (seconds(first), seconds(last))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", "2026-03-31T10:20:30"),
        ("2026-03-01T12:00", "2026-03-01T12:00:00"),
        ("2026-03-01 12:00", "2026-03-01T12:00:00"),
        ("2026-03-01T12:00:01", "2026-03-01T12:00:01"),
        ("2026-03-01T12:00:01Z", "2026-03-01T12:00:01"),
        ("2026-03-01t12:00:01z", "2026-03-01T12:00:01"),
        # what happened within that second had happened
        ("2026-03-01T12:00:01.999999Z", "2026-03-01T12:00:01"),
        ("2026-03-01T12:00:00+01:00", "2026-03-01T11:00:00"),
        ("2026-03-01T12:00:00-0330", "2026-03-01T15:30:00"),
        ("2026-03-01T00:30+01:00", "2026-02-28T23:30:00"),
        ("0 minutes ago", "2026-03-31T10:20:30"),
        ("1 minute ago", "2026-03-31T10:19:30"),
        ("90 minutes ago", "2026-03-31T08:50:30"),
        ("24 hours ago", "2026-03-30T10:20:30"),
        ("3 days ago", "2026-03-28T10:20:30"),
        ("2 weeks ago", "2026-03-17T10:20:30"),
        # there is no 31 February
        ("1 month ago", "2026-02-28T10:20:30"),
        ("3 months ago", "2025-12-31T10:20:30"),
        ("25 months ago", "2024-02-29T10:20:30"),
        ("2 Years Ago", "2024-03-31T10:20:30"),
    ],
)
def test_a_time_is_one_second(text: str, moment: str) -> None:
    span = When.parse(text).span(NOW)
    assert (span.first, span.last) == (seconds(moment), seconds(moment))


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "never", "last tuesday", "yesterday noon", "tomorrow", "1", "u", "1772323200", "@1772323200",
        "2026", "2026-03", "2026-3-1", "20260301", "2026/03/01", "01.03.2026", "03/01/2026", "2026-03-01 ",
        " 2026-03-01", "3 ago",
        "2026-03-01T12", "2026-03-01T12:00:00 Z", "2026-03-01T12:00+1", "2026-03-01T12:00 CET", "2026-03-01  12:00",
        "3 days", "days ago", "three days ago", "-3 days ago", "3  days ago", "3.days.ago", "1000000 days ago",
        "٢٠٢٦-٠٣-٠١", "３ days ago", "2026-03-01\n", "3 days ago\n", "now\0",
    ],
)  # fmt: skip
def test_what_is_no_date_never_means_now(text: str) -> None:
    with pytest.raises(InvalidDateError, match="is no date") as caught:
        When.parse(text)
    assert caught.value.hint
    assert caught.value.hint.startswith("write 2026-03-01")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "0000-01-01", "2026-03-01T24:00", "2026-03-01T23:59:60",
        "2026-03-01T12:60", "0001-01-01T00:00+00:01", "999999 days ago", "999999 years ago", "2000 years ago",
    ],
)  # fmt: skip
def test_what_is_on_no_calendar_is_told(text: str) -> None:
    with pytest.raises(InvalidDateError, match="is on no calendar or clock"):
        When.parse(text)


@pytest.mark.parametrize("text", ["2026-04-01", "2026-03-31T10:20:31Z", "2026-03-31T10:20:30-00:01", "9999-12-31"])
def test_the_future_is_refused_when_the_clock_is_known(text: str) -> None:
    with pytest.raises(InvalidDateError, match="is in the future") as caught:
        When.parse(text).span(NOW)
    assert caught.value.hint == "leave the date out for what is there now"


@pytest.mark.parametrize("text", ["0001-01-01", "0001-01-02T00:00+23:59", "1969-12-31"])
def test_what_was_before_git_is_a_date_too(text: str) -> None:
    assert When.parse(text).span(NOW).last < 0


@given(st.datetimes(timezones=st.timezones()))
def test_what_python_writes_as_iso_is_read_as_the_same_second(moment: datetime) -> None:
    offset = moment.utcoffset()
    if offset is None or offset.total_seconds() % 60 or moment.astimezone(timezone.utc).year > 2100:
        return
    whole = moment.replace(microsecond=0)
    later = seconds("2200-01-01")
    assert When.parse(moment.isoformat()).span(later).last == whole.timestamp()


@given(st.text(max_size=30) | st.from_regex(r"[0-9]{1,6} (day|month|year)s? ago", fullmatch=True))
def test_no_text_breaks_it(text: str) -> None:
    try:
        span = When.parse(text).span(NOW)
    except InvalidDateError as error:
        assert "\n" not in str(error)  # noqa: PT017 - both outcomes are right
    else:
        assert span.first <= span.last
        assert span.first <= NOW
