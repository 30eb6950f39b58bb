"""What would move, as a comment: kept in `golden/`, inert whatever strangers write, and below what hosts take.

After a change that is meant: UPDATE_SNAPSHOTS=1 pytest tests/promotion/test_comment_text.py
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cmarkgfm
import comments
import pytest
from badinput import raw
from cmarkgfm.cmark import Options

from gitreg.cli.markdown import code, table
from gitreg.cli.plan_markdown import MARKER, MOST, SILENT, text
from gitreg.promotion.request import Plan, Verdict
from gitreg.records.plain import visible

GOLDEN = Path(__file__).parent / "golden"
REMOTE = "https://token@git.example/team/models.git"
# what a comment is made of; every attribute would be a stranger's
TAGS = set("h3 p code pre ul li table thead tbody tr th td strong br details summary a".split())
ATTRIBUTES = {"align", "lang"}


def written(name: str) -> str:
    plan = {"passing": comments.passing, "mixed": comments.mixed, "nothing": comments.nothing}[name]()
    return text(plan, comments.lineage() if name == "passing" else None, remote=REMOTE)


@pytest.mark.parametrize("name", ["passing", "mixed", "nothing"])
def test_a_comment_is_what_it_was(name: str) -> None:
    path = GOLDEN / f"{name}.md"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(written(name), encoding="utf-8")
    assert written(name) == path.read_text(encoding="utf-8")


def test_the_verdict_comes_first() -> None:
    heads = {name: written(name).splitlines()[2] for name in ("passing", "mixed")}
    assert heads == {
        "passing": "### ✅ `model/MNIST:production` moves to `v3` when this is merged",
        "mixed": "### ❌ 1 file cannot be read",
    }
    assert written("nothing").splitlines()[:4] == [MARKER, SILENT, "", "### No alias moves"]


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (0, "✅ 5 aliases move when this is merged"),
        (1, "❌ 1 of 5 moves is refused"),
        (3, "❌ 3 of 5 moves are refused"),
    ],
)
def test_the_verdict_counts(refused: int, words: str) -> None:
    bad, good = comments.mixed().moves[0], comments.passing().moves[0]
    plan = Plan(comments.oid(1), comments.oid(2), (bad,) * refused + (good,) * (5 - refused))
    assert text(plan).splitlines()[2] == f"### {words}"


def test_the_better_number_is_marked() -> None:
    (line,) = (line for line in written("passing").splitlines() if line.startswith("| `model/MNIST`"))
    assert "`loss` 0.1201 → **0.1123**<br>`accuracy` **0.971** → 0.969<br>`f1` 0.9, 0.9: not comparable |" in line


def test_the_code_of_both_is_a_link_without_the_credentials_of_the_remote() -> None:
    (line,) = (line for line in written("passing").splitlines() if "compare" in line)
    old, new = comments.oid(52), comments.oid(53)
    assert line == f"[What differs in the code](https://git.example/team/models/compare/{old}...{new})"
    assert "compare/" not in text(comments.passing(), remote="../server.git")


class Page(HTMLParser):
    """What a browser would make of a comment."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str | None] = set()
        self.rows: list[int] = []
        self.plain = ""
        self.comments: list[str] = []
        self.codes: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links |= {value for name, value in attrs if name == "href"}
        self.attributes |= {name for name, _ in attrs if name != "href"}
        if tag == "tr":
            self.rows.append(0)
        if tag in ("td", "th"):
            self.rows[-1] += 1
        if tag != "br":
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        if "code" in self._inside:
            self.codes.append(data)
        # hosts look for names of people and addresses everywhere but in code
        if not {"code", "pre"} & {*self._inside}:
            self.plain += data


def rendered(markdown: str) -> Page:
    """As GitHub's own library reads it, with the HTML that is in it."""
    page = Page()
    page.feed(cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE))
    page.close()
    return page


def test_a_strangers_words_are_text_and_nothing_else() -> None:
    plan = comments.hostile()
    markdown = text(plan, comments.lineage(comments.HOSTILE[0]), remote=REMOTE)
    page = rendered(markdown)
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES
    assert all(link and link.startswith("https://git.example/team/models/compare/") for link in page.links)
    # the rows of a table have as many cells as its head
    tables = re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE)
    assert tables
    for rows in tables:
        assert len(set(rendered(rows).rows)) == 1, rows
    assert not re.search(r"[@#!~$<>\[\]\\*_`]|:\w+:|www|https?:|evil", page.plain), page.plain
    assert not raw(markdown)
    assert page.comments == [" gitreg:plan "]


def test_no_line_is_a_command_of_the_host() -> None:
    """GitLab obeys lines that begin with a slash, whoever's words they are."""
    for plan in (comments.hostile(), comments.mixed(), comments.many(3, "\n/merge ")):
        assert not re.search(r"^\s*/", text(plan), re.MULTILINE)


@pytest.mark.parametrize("words", comments.HOSTILE)
def test_a_reader_sees_a_strangers_words_as_they_are(words: str) -> None:
    page = rendered(text(Plan(comments.oid(1), comments.oid(2), notes=(words,))))
    assert page.tags <= {"h3", "p", "ul", "li", "code"}
    assert "".join(page.codes).startswith(visible(words))
    row = rendered("\n".join(table(["a", "b"], [[code(words, 1_000), "end"]])))
    assert ("".join(row.codes), row.rows) == (visible(words), [2, 2])


@pytest.mark.parametrize("words", ["", "語`|<@#&\u202e\n", "\U0001f680"])
@pytest.mark.parametrize("count", [1, 200, 2_000])
def test_however_much_moves_the_comment_fits(count: int, words: str) -> None:
    plan = comments.many(count, words)
    markdown = text(plan, comments.lineage(words * 500), remote=REMOTE)
    assert len(markdown.encode()) <= MOST
    assert markdown.startswith(f"{MARKER}\n\n### {'✅' if count == 1 else '❌'} ")
    assert markdown.count("<details>") == markdown.count("</details>")
    assert rendered(markdown).tags <= TAGS


def test_of_two_hundred_each_has_its_row_and_its_verdict() -> None:
    markdown = text(comments.many(200, "語"))
    rows = [line for line in markdown.splitlines() if line.startswith("| `ss")]
    assert len(rows) == 200
    assert sum("❌ refused" in row for row in rows) == 20
    assert all("`v2` | `v3`" in row for row in rows)
    left = re.search(r"The details of (\d+) moves are left out", markdown)
    assert left
    assert int(left[1]) + markdown.count("<summary><code>s") == 200


def test_of_a_move_that_many_gates_refuse_some_of_the_reasons_stay() -> None:
    plan = comments.mixed()
    verdicts = tuple(Verdict(f"loss <= {number}", "refused", "語" * 200) for number in range(100))
    markdown = text(replace(plan, moves=(replace(plan.moves[0], verdicts=verdicts),)))
    shown = re.findall(r"^  - `loss <= \d+`: `語", markdown, re.MULTILINE)
    assert shown
    assert f"\n  - and {100 - len(shown)} more\n" in markdown


def test_what_is_refused_stays_when_not_even_the_rows_fit() -> None:
    markdown = text(comments.many(2_000))
    rows = [line for line in markdown.splitlines() if line.startswith("| `ss")]
    assert sum("❌ refused" in row for row in rows) == min(200, len(rows))
    assert f"\nand {2_000 - len(rows):,} more\n" in markdown
