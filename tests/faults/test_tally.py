"""The table says what was tried and what held, the bad with the good."""

from __future__ import annotations

from pathlib import Path

import pytest

from tally import FAULTS, INPUTS, LOAD, Tally, gathered, markdown


def test_the_table_names_every_case_and_shows_what_did_not_hold(tmp_path: Path) -> None:
    tally = Tally(tmp_path)
    for _ in range(3):
        with tally.attempt(FAULTS, "a kill"):
            pass
    with pytest.raises(ValueError, match="lost"), tally.attempt(FAULTS, "a kill"):
        raise ValueError("lost")
    tally.add(INPUTS, "a name | another", tried=5, held=5)
    tally.add(LOAD, "seconds for something", tried=0, held=7)
    text = markdown(gathered(tmp_path))
    assert "## Faults survived: 3 of 4\n" in text
    assert "| a kill | 4 | **3** |\n" in text
    assert "## Bad inputs refused: 5 of 5\n" in text
    assert "| a name \\| another | 5 | 5 |\n" in text
    assert "## Load held: 0 of 0\n" in text
    assert "| seconds for something |  | 7 |\n" in text
