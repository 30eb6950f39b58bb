"""`gitreg lineage` as people call it: each format by the file's name, an alias that may move, links to the code."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

import gitreg
from conftest import Shell
from gitreg.lineage.web import commit_page
from gitreg.records.objects import Oid
from terminal import Terminal

SCHEMA = Path(gitreg.__file__).parent / "schemas" / "lineage-1.json"
COMMIT = Oid.parse("57d966b0c1e2a3f4b5c6d7e8f9a0b1c2d3e4f5a6")


@pytest.fixture
def story(project: Path) -> Path:
    """A data set, and two models from it; the first is registered and in production, the second only registered."""
    (project / "file").write_text("data")
    with gitreg.init(name="collect", job_type="build") as run:
        run.log_artifact("file", name="data", type="dataset")
    for step in range(2):
        (project / "file").write_text(str(step))
        with gitreg.init(name=f"train-{step}", job_type="train") as run:
            run.use_artifact("data:latest")
            run.log_artifact("file", name="m", type="model")
        aliases = ["production"] if step == 0 else []
        gitreg.Api().artifact(f"m:v{step}").link("model/M", aliases=aliases)
    return project


BEGINNINGS = {
    "svg": b"<?xml",
    "png": b"\x89PNG",
    "pdf": b"%PDF-",
    "html": b"<!doctype html>",
    "mmd": b"flowchart LR\n",
    "md": b"**Lineage of m:v1**\n\n```mermaid\nflowchart LR\n",
    "gv": b"digraph lineage {",
    "dot": b"digraph lineage {",
    "txt": b"Lineage of m:v1\n\nmodel m:v1 [latest] linked as model/M:v1 [latest]\n",
    "json": b'{\n  "schema": "gitreg/lineage/1",\n',
    "SVG": b"<?xml",
}


@pytest.mark.parametrize("suffix", BEGINNINGS)
def test_the_end_of_the_files_name_says_the_format(
    story: Path, sh: Shell, need: Callable[[str], str], suffix: str
) -> None:
    if suffix in ("png", "pdf"):
        need("rsvg-convert")
    assert sh(f"gitreg lineage m -o ../out.{suffix}", cwd=story) == ""
    found = (story.parent / f"out.{suffix}").read_bytes()
    assert found[: len(BEGINNINGS[suffix])].lower() == BEGINNINGS[suffix].lower()


def test_a_png_goes_through_a_pipe(story: Path, sh: Shell, need: Callable[[str], str]) -> None:
    need("rsvg-convert")
    sh("gitreg lineage m --format png --scale 1 | cat >../out.png", cwd=story)
    small = (story.parent / "out.png").read_bytes()
    sh("gitreg lineage m --format png --theme dark --scale 1 | cat >../out.png", cwd=story)
    assert small.startswith(b"\x89PNG")
    assert small != (story.parent / "out.png").read_bytes()


def test_a_highlight_alone_shows_the_version_that_gains_beside_the_one_that_loses(story: Path, sh: Shell) -> None:
    text = sh("gitreg lineage --highlight model/M:production=v1", cwd=story)
    assert text.splitlines()[0] == "Lineage of model/M:v1, model/M:production to v1"
    assert "linked as model/M:v1 [+ production] [latest]" in text
    assert "linked as model/M:v0 [- production]" in text
    picture = ET.fromstring(sh("gitreg lineage --highlight model/M:production=v1 --format svg", cwd=story))  # noqa: S314
    chips = {"".join(g.itertext()): g.get("class") for g in picture.iter() if (g.get("class") or "").startswith("chip")}
    assert chips["+ production"] == "chip tone-gained"
    assert chips["- production"] == "chip tone-lost"


def test_highlights_go_with_a_version_and_with_everything(story: Path, sh: Shell) -> None:
    for words in ("data --up 0 --down 0", "--all", "m:v1"):
        text = sh(f"gitreg lineage {words} --highlight model/M:production=v1 --highlight m:best=v0", cwd=story)
        assert "[+ best]" in text
        assert "[+ production]" in text
        assert "[- production]" in text


def test_the_tree_has_colours_where_they_are_wanted_and_ascii_where_there_is_nothing_else(
    story: Path, sh: Shell
) -> None:
    command = "lineage --highlight model/M:production=v1"
    coloured = sh(f"gitreg --color always {command}", cwd=story)
    assert "\x1b[32m[+ production]\x1b[0m" in coloured
    assert "\x1b[31m[- production]\x1b[0m" in coloured
    plain = sh(f"gitreg {command}", cwd=story)
    assert re.sub(r"\x1b\[\d*m", "", coloured) == plain
    old = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert sh(f"gitreg {command}", cwd=story, env=old) == plain.translate(str.maketrans("├└─│", "|`-|"))


def test_on_a_narrow_terminal_the_lines_of_the_tree_are_cut_between_words(story: Path, sh: Shell) -> None:
    line = ["sh", "-c", "gitreg lineage data:v0 >/dev/tty"]
    terminal = Terminal(*line, cwd=story, env={"GIT_PAGER": "cat", "NO_COLOR": "1"}, columns=34)
    assert terminal.end()[0] == 0
    assert [row for row in terminal.screen if len(row) > 34] == []
    at = terminal.screen.index("├─ used by run train-0 (train)")
    assert terminal.screen[at : at + 3] == [
        "├─ used by run train-0 (train)",
        "│  └─ logged model m:v0 linked as",
        "│       model/M:v0 [production]",
    ]
    whole = sh("gitreg lineage data:v0", story)
    assert "│  └─ logged model m:v0 linked as model/M:v0 [production]\n" in whole
    assert " ".join(terminal.screen).replace("│", "").split() == whole.replace("│", "").split()


def test_the_document_is_what_its_schema_says(story: Path, sh: Shell) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    words = ("m", "--all", "--all --no-runs", "--highlight model/M:production=v1")
    documents = [json.loads(sh(f"gitreg lineage {word} --json", cwd=story)) for word in words]
    for document in documents:
        jsonschema.validate(document, schema)
    (first,) = (node for node in documents[-1]["nodes"] if node["label"] == "m:v0")
    assert first["links"] == [{"name": "model/M:v0", "aliases": ["- production"]}]


def test_the_code_of_a_published_run_is_linked_on_an_https_host_and_without_credentials(story: Path, sh: Shell) -> None:
    sh("git init --quiet --bare ../server.git && git remote add origin ../server.git && gitreg init", cwd=story)
    sh("gitreg init --storage ../storage && gitreg push", cwd=story)
    assert "<a " not in sh("gitreg lineage m --format svg", cwd=story)
    sh("git remote set-url origin https://user:secret@example.org:8443/o/r.git", cwd=story)
    svg = sh("gitreg lineage m --format svg", cwd=story)
    linked = re.findall(r'<a [^>]*href="https://example.org:8443/o/r/commit/([0-9a-f]{40})"', svg)
    assert len(linked) == 2
    assert all(f"code {sh(f'git rev-parse --short {code}', cwd=story).strip()[:7]}" in svg for code in linked)
    assert "secret" not in svg


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        ("https://github.com/o/r.git", f"https://github.com/o/r/commit/{COMMIT}"),
        ("https://github.com/o/r/", f"https://github.com/o/r/commit/{COMMIT}"),
        ("https://bitbucket.org/o/r", f"https://bitbucket.org/o/r/commits/{COMMIT}"),
        ("https://token@host/group/sub/r.git", f"https://host/group/sub/r/commit/{COMMIT}"),
        ("https://host/a b/%3Cscript%3E.git", f"https://host/a%20b/%3Cscript%3E/commit/{COMMIT}"),
        ("git@github.com:o/r.git", ""),
        ("ssh://git@github.com/o/r", ""),
        ("http://host/o/r", ""),
        ("file:///o/r", ""),
        ("../server.git", ""),
        ("https://host", ""),
        ("https:///o/r", ""),
        ("https://host:port/o/r", ""),
        ("https://host/../x", ""),
        ("https://ho st/o/r", ""),
        ('https://ho"st/o/r', ""),
        ("https://[::1/o/r", ""),
        ("", ""),
    ],
)
def test_a_commits_page_is_worked_out_from_the_remotes_address(remote: str, page: str) -> None:
    assert commit_page(remote, COMMIT) == page
