"""The line of a bar: never wider than the terminal, and what matters least goes first."""

from __future__ import annotations

import io
import itertools

import pytest
from rich.cells import cell_len

from gitreg.cli.bar import Bar


def line(
    columns: int,
    monkeypatch: pytest.MonkeyPatch,
    *,
    label: str = "uploading",
    size: int | None = 1_500_000_000,
    files: int | None = 10_000,
    done: int = 990_000_000,
    count: int = 9_120,
) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    return Bar(io.StringIO(), label, size, files, color=False).line(done, count)


@pytest.mark.parametrize("columns", [1, 10, 24, 40, 80, 300])
def test_it_fits(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = ("storing", "checking the storage", "模型" * 30)
    sizes, files = (None, 0, 1_500_000_000), (None, 1, 10_000)
    for label, size, count, done in itertools.product(labels, sizes, files, (0, 990_000_000, 2_000_000_000)):
        shown = line(columns, monkeypatch, label=label, size=size, files=count, done=done)
        assert cell_len(shown) <= max(columns - 1, 1)
        assert "\n" not in shown


def test_it_says_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert line(80, monkeypatch).endswith("9,120/10,000 files   990 MB of 1.5 GB")
    assert "file" not in line(80, monkeypatch, files=1, count=0)
    assert line(80, monkeypatch, size=None, files=None).endswith("9,120 files  990 MB")
    assert line(80, monkeypatch, size=0, files=12, count=5, done=0).endswith("5/12 files")
    assert line(80, monkeypatch, done=1_500_000_000).endswith("1.5 GB of 1.5 GB  finishing")
    # a part that was sent twice
    assert "1.5 GB of 1.5 GB" in line(80, monkeypatch, done=2_000_000_000)


def test_what_matters_least_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert line(50, monkeypatch).split(maxsplit=1)[0] == "uploading"
    assert line(50, monkeypatch).endswith(" 990 MB of 1.5 GB")
    assert "files" not in line(50, monkeypatch)
    assert "MB" not in line(30, monkeypatch)


def test_a_strangers_label_is_made_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = line(80, monkeypatch, label="up\x1b[31m[bold]x[/]\n\u202e")
    assert shown.startswith("up\\x1b[31m[bold]x[/]\\x0a\\u202e ")
