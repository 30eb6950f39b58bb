"""One line that shows how far some work has come, as wide as the terminal. The one place that draws with rich."""

from __future__ import annotations

from datetime import timedelta
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, TextColumn
from rich.progress import Progress as Rows
from rich.progress import Task as Row
from rich.table import Column
from rich.text import Text

from gitreg.cli import human
from gitreg.records.plain import visible

_SHORTEST = 10


class Bar:
    """The line for one task. `size` and `files` are what is to be done, None when nobody knows."""

    def __init__(self, stream: TextIO, label: str, size: int | None, files: int | None, *, color: bool) -> None:
        self._label = visible(label)
        self._by_bytes = size != 0
        self._console = Console(
            file=stream,
            force_terminal=True,
            color_system="auto" if color else None,
            no_color=not color,
            highlight=False,
            emoji=False,
        )
        bar = BarColumn(None, complete_style="cyan", finished_style="cyan", pulse_style="cyan")
        columns = (TextColumn("{task.description}", markup=False, table_column=_whole()), bar, _Numbers(size, files))
        # it does not draw by itself
        self._rows = Rows(*columns, console=self._console, auto_refresh=False, expand=True)
        self._row = self._rows.add_task(self._label, total=size if self._by_bytes else files)

    def line(self, done: int, files: int) -> str:
        """How the work stands when so many bytes and files are done; without a line break."""
        # where a line is full, some terminals begin the next one
        width = max(self._console.width - 1, 1)
        room = width - len(self._label) - _SHORTEST - 2
        completed = done if self._by_bytes else files
        self._rows.update(self._row, completed=completed, done=done, files=files, room=room)
        table = self._rows.make_tasks_table(self._rows.tasks)
        with self._console.capture() as captured:
            self._console.print(table, width=width, crop=True)
        return captured.get().partition("\n")[0]


class _Numbers(ProgressColumn):
    """`3/12 files  1.2 MB of 3.4 GB  15 MB/s  2:23 left`, as much as is known and there is room for."""

    def __init__(self, size: int | None, files: int | None) -> None:
        super().__init__(_whole())
        self._size = size
        self._files = files

    def render(self, task: Row) -> Text:
        """The numbers of a row."""
        done, files = task.fields["done"], task.fields["files"]
        count = f"{files:,}/{human.plural(self._files, 'file')}" if self._files else human.plural(files, "file")
        if self._size is None:
            size = human.size(done)
        else:
            size = f"{human.size(min(done, self._size)):>7} of {human.size(self._size)}" if self._size else ""
        rate = left = ""
        if task.finished:
            # the last bytes have passed, and are being checked or synced to the disk
            left = "finishing"
        elif self._size != 0 and task.speed:
            rate = f"{human.size(int(task.speed))}/s"
            left = f"{_clock(task.time_remaining)} left" if task.time_remaining is not None else ""
        words = ["" if self._files == 1 else count, size, f"{rate:>9}" if rate else "", left]
        # what matters least goes first
        for dropped in (0, 2, 3, 1):
            if len(_joined(words)) > task.fields["room"]:
                words[dropped] = ""
        return Text(_joined(words))


def _whole() -> Column:
    return Column(no_wrap=True)


def _joined(words: list[str]) -> str:
    return "  ".join(word for word in words if word)


def _clock(seconds: float) -> str:
    """`0:07`, `1:02:03`."""
    text = str(timedelta(seconds=int(seconds)))
    return text[3:] if text.startswith("0:0") else text.removeprefix("0:")
