"""What somebody may have meant who wrote a name that is not there."""

from __future__ import annotations

import pytest

from gitreg.records.similar import closest, listed

KNOWN = ["production", "staging", "Digits", "digits", "mnist_model", "mnist_large"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("prodution", "production"),
        ("PRODUCTION", "production"),
        ("prod", "production"),
        # the same, before the same but for case
        ("Digits", "Digits"),
        ("digits", "digits"),
        ("stagign", "staging"),
        ("mnist_mod", "mnist_model"),
        ("xyz", None),
        ("", None),
        ("p" * 10_000, None),
    ],
)
def test_the_likeliest_is_found(wanted: str, found: str | None) -> None:
    assert closest(wanted, KNOWN) == found


def test_a_beginning_of_several_is_compared_like_any_other_word() -> None:
    assert closest("mnist_", KNOWN) in ("mnist_model", "mnist_large")
    assert closest("m", KNOWN) is None


def test_a_long_list_is_cut() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([str(number) for number in range(10)]) == "0, 1, 2, 3, 4, 5, 6, 7, ..."
