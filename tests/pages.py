"""Pages of documentation as programs: their code blocks, what stands around them, and how they are run.

Blocks of `sh`, `bash` and `python` are run one after the other, as a reader would, in the folder `work`. A block of
`text` right after one is what that one prints, standard error included; `...` stands for what differs from time to
time, a line of its own for any number of lines. Comments, which no reader of the rendered page sees, say the rest:

    <!-- in: other -->          the following blocks are run in this folder
    <!-- exits: 3 -->           the next block ends with this code
    <!-- not run: why -->       the next block is only looked at
    <!-- unseen: SCRIPT -->     shell that is run in between
    <!-- host: WORDS -->        what is done on a Git host in between, for pages that have one
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

_PIECE = re.compile(
    r"<!-- (?P<word>[a-z ]+): ?(?P<value>.*?)-->|^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE
)
_INTERPRETERS = {
    "sh": ["sh", "-euc"],
    "unseen": ["sh", "-euc"],
    "bash": ["bash", "-euc"],
    "python": [sys.executable, "-c"],
}
_WORDS = ("in", "exits", "not run", "unseen", "host")


@dataclass(frozen=True, slots=True)
class Block:
    """One code block.

    Attributes:
        language: the word after the fence, `unseen` for a script in a comment, `host` for words in one.
        folder: where it is run.
        code: what it ends with, None when it is not run.
        expected: what it prints, None when the page does not say.
    """

    language: str
    text: str
    line: int
    folder: str = "work"
    code: int | None = 0
    expected: str | None = None


def blocks(page: str) -> list[Block]:
    """The code blocks of a page. Raises: AssertionError for a comment that says nothing known."""
    found: list[Block] = []
    folder, code, end = "work", 0, 0
    runs = True
    for piece in _PIECE.finditer(page):
        word, language = piece["word"], piece["language"]
        line = page.count("\n", 0, piece.start()) + 1
        if word:
            assert word in _WORDS, f"line {line}: no such comment '{word}'"
        if word == "in":
            folder = piece["value"].strip()
        elif word == "exits":
            code = int(piece["value"])
        elif word == "not run":
            assert piece["value"].strip(), f"line {line}: say why it is not run"
            runs = False
        elif word in ("unseen", "host"):
            found.append(Block(word, piece["value"].strip(), line, folder))
        else:
            between = page[end : piece.start()].strip()
            if language == "text" and found and found[-1].language in ("sh", "python") and not between:
                last = found.pop()
                found.append(Block(last.language, last.text, last.line, last.folder, last.code, piece["code"]))
            else:
                can = language in _INTERPRETERS
                found.append(Block(language, piece["code"], line, folder, code if runs and can else None))
            code, runs = 0, True
        end = piece.end()
    return found


def run(page: Path, place: Path, host: Callable[[str], None] | None = None) -> str:
    """Run the blocks of a page in a place with the folders that it names; what the last one printed.

    As `follow`.
    """
    return follow(page.name, blocks(page.read_text(encoding="utf-8")), place, host)


def follow(page: str, found: Iterable[Block], place: Path, host: Callable[[str], None] | None = None) -> str:
    """Run these blocks of a page.

    `host` is told what is to be done on the Git host.

    Raises: AssertionError, with all that a block printed that does not do what the page says.
    """
    printed = ""
    for block in found:
        where = f"{page}:{block.line}"
        if block.language == "yaml":
            yaml.safe_load(block.text)
        if block.code is None:
            continue
        if block.language == "host":
            assert host, f"{where} needs a Git host"
            host(block.text)
            continue
        command = [*_INTERPRETERS[block.language], block.text]
        done = subprocess.run(
            command,
            cwd=place / block.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        printed = done.stdout.decode()
        assert done.returncode == block.code, f"{where} ended with {done.returncode}\n{block.text}\n{printed}"
        if block.expected is not None:
            assert matches(block.expected, printed), f"{where} prints\n{printed}\nand not\n{block.expected}"
    return printed


def matches(expected: str, printed: str) -> bool:
    """Whether what is printed is as expected; blanks at the ends of lines do not count."""
    lines = []
    for line in expected.rstrip().splitlines():
        any_lines = line.strip() == "..."
        lines.append(r"(?:.*\n)*" if any_lines else re.escape(line.rstrip()).replace(r"\.\.\.", ".*") + r"\n")
    found = "".join(f"{line.rstrip()}\n" for line in printed.rstrip().splitlines())
    return re.fullmatch("".join(lines), found) is not None


def links(page: str) -> Iterator[str]:
    """Where a page's links and pictures lead; code is left out."""
    prose = re.sub(r"`[^`\n]*`", "", _PIECE.sub("", page))
    for found in re.finditer(r"\]\(([^()\s]+(?:\([^()\s]*\)[^()\s]*)*)\)", prose):
        yield found[1]
    named = dict(re.findall(r"^\[([^\]]+)\]: (\S+)$", prose, re.MULTILINE))
    for name in re.findall(r"\]\[([^\]]+)\]", prose):
        assert name in named, f"no link is called '{name}'"
    yield from named.values()


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", _PIECE.sub("", page), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        count = 0
        while (anchor := f"{name}-{count}" if count else name) in found:
            count += 1
        found.add(anchor)
    return found
