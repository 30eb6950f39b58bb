"""Every page of documentation is run as somebody who reads it would, and its links lead somewhere."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import pages
from conftest import run_shell

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "gitreg" / "docs"
PAGES = sorted(DOCS.glob("*.md"))
# What is run elsewhere: in the environment with the frameworks, on a Git host, or as the same page in English.
ELSEWHERE = ("promote-by-pull-request.md", "frameworks.md", "quickstart.ja.md", "tutorial.md", "tutorial.ja.md")
FOLLOWED = [page for page in PAGES if page.name not in ("README.md", "reference.md", "python.md", *ELSEWHERE)]
LINKED = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md", ROOT / "gitreg" / "README.md", *PAGES]

# The example of all pages: a server, a storage, two clones; a data set, a model in three versions, and their history.
WORLD = """
git init --quiet --bare server.git
git clone --quiet server.git work 2>/dev/null
cd work
mkdir data
printf '5.1,0\\n4.9,1\\n' >data/train.csv
printf 'data/\\nmodel.bin\\nartifacts/\\n' >.gitignore
cat >train.sh <<'END'
sort data/*.csv >model.bin
echo "trained with ${1-nothing}" >>model.bin
gitreg put model.bin --name digits_model --type model --metadata accuracy="${2-0.90}"
END
export GIT_COMMITTER_DATE=2026-02-10T09:00:00Z GIT_AUTHOR_DATE=2026-02-10T09:00:00Z
gitreg init --storage ../storage
git add . && git commit --quiet -m 'start the project'
gitreg put data/ --name digits --type dataset
gitreg run --name monday --config lr=0.1 --use digits -- sh train.sh 0.1 0.90
gitreg link digits_model model/Digits
gitreg alias set model/Digits:production v0 --reason 'first one that works'
git push --quiet --set-upstream origin main
export GIT_COMMITTER_DATE=2026-03-05T09:00:00Z GIT_AUTHOR_DATE=2026-03-05T09:00:00Z
gitreg run --name thursday --config lr=0.05 --use digits -- sh train.sh 0.05 0.93
gitreg link digits_model model/Digits
gitreg alias set model/Digits:production v1 --reason 'better on the March set'
export GIT_COMMITTER_DATE=2026-03-09T09:00:00Z GIT_AUTHOR_DATE=2026-03-09T09:00:00Z
gitreg run --name sunday --config lr=0.01 --use digits -- sh train.sh 0.01 0.95
gitreg link digits_model model/Digits
gitreg alias set model/Digits:staging v2
git push --quiet
git clone --quiet ../server.git ../other
cd ../other
gitreg init
gitreg fetch
"""
# Programs that a page speaks of and that not every machine has.
NEEDS = {"lineage": ["rsvg-convert"], "how-it-behaves": ["bash"]}
TODAY = "2026-03-10T09:00:00Z"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `place` with the example, and `as-it-was`, a copy; absolute paths in it name `place`."""
    return tmp_path_factory.mktemp("docs")


@pytest.fixture
def place(template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example as the pages find it, on the day they are about."""
    folder, kept = template / "place", template / "as-it-was"
    if not kept.exists():
        folder.mkdir()
        run_shell(f"({WORLD}) 2>&1", folder)
        folder.rename(kept)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept, folder, symlinks=True)
    monkeypatch.setenv("GIT_COMMITTER_DATE", TODAY)
    monkeypatch.setenv("GIT_AUTHOR_DATE", TODAY)
    return folder


@pytest.mark.xdist_group("docs")  # one worker makes the example, once
@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.stem)
def test_the_page_can_be_followed(page: Path, place: Path, need: Callable[[str], str]) -> None:
    for program in NEEDS.get(page.stem, ()):
        need(program)
    pages.run(page, place)


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_the_page_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in pages.links(text):
        if re.match(r"[a-z]+:", link):
            assert link.startswith("https://"), link
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in pages.anchors(target.read_text(encoding="utf-8")), link


def test_the_index_names_every_page() -> None:
    index = set(pages.links((DOCS / "README.md").read_text(encoding="utf-8")))
    assert {page.name for page in PAGES} - {"README.md"} <= index


class TestTheReaderOfPages:
    def test_blocks_know_where_they_are_run_and_what_they_print(self) -> None:
        page = "```sh\nls\n```\n\n```text\na...\n```\n<!-- in: other -->\n<!-- exits: 3 -->\n```sh\nfalse\n```\n"
        first, second = pages.blocks(page)
        assert (first.text, first.folder, first.code, first.expected) == ("ls\n", "work", 0, "a...\n")
        assert (second.text, second.folder, second.code, second.expected, second.line) == (
            "false\n",
            "other",
            3,
            None,
            10,
        )

    def test_a_block_that_is_not_run_needs_a_reason_and_a_comment_a_known_word(self) -> None:
        (block,) = pages.blocks("<!-- not run: it needs a bucket -->\n```sh\nls\n```\n")
        assert block.code is None
        for page in ("<!-- not run: -->\n```sh\nls\n```\n", "<!-- inn: other -->\n"):
            with pytest.raises(AssertionError, match="line 1"):
                pages.blocks(page)

    def test_three_dots_stand_for_what_differs(self) -> None:
        assert pages.matches("a ... c\n", "a b c\n")
        assert pages.matches("a\n...\nc\n", "a\nb\nb\nc\n")
        assert pages.matches("a  \n", "a\n")
        assert not pages.matches("a\nc\n", "a\nb\nc\n")
        assert not pages.matches("a.c\n", "abc\n")

    def test_a_page_that_is_wrong_fails(self, tmp_path: Path) -> None:
        (tmp_path / "work").mkdir()
        page = tmp_path / "page.md"
        for text in ("```sh\nfalse\n```\n", "```sh\necho a\n```\n```text\nb\n```\n", "```python\n1/0\n```\n"):
            page.write_text(text)
            with pytest.raises(AssertionError, match=r"page\.md:1"):
                pages.run(page, tmp_path)
        page.write_text("<!-- unseen: touch made -->\n```sh\ntest -e made\nexit 3\n```\n")
        with pytest.raises(AssertionError, match="ended with 3"):
            pages.run(page, tmp_path)

    def test_links_and_anchors_are_those_of_the_rendered_page(self) -> None:
        page = "# A b, `c`!\n[x](y.md#z) `[no](link)`\n```sh\n# no heading\n[[ -e x ]](y)\n```\n## A b\n## A b\n"
        assert list(pages.links(page)) == ["y.md#z"]
        assert pages.anchors(page) == {"a-b-c", "a-b", "a-b-1"}
