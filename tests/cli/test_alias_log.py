"""`gitreg alias log` and `alias ls`: what somebody reads who asks what was in production, and what an auditor gets."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from stories import Done, attempt

from conftest import Shell

# m:v0 to v2; production: v0 since the 1st, v2 for three hours on the 4th, nothing, v1 from the 5th on
# staging: v2 since the 3rd; gone: v0, removed on the 2nd
STORY = """
at() { export GIT_COMMITTER_DATE=2026-03-$1:00:00Z; }
for content in zero one two; do echo $content >../m; gitreg put ../m --name m --type model; done
at 01T12; gitreg alias set m:production v0 --reason 'first one that works'; gitreg alias set m:gone v0
at 02T12; gitreg alias rm m:gone --reason 'never used'
at 03T12; gitreg alias set m:staging v2
at 04T09; gitreg alias set m:production v2
at 04T12; gitreg alias rm m:production --reason 'broken

it failed on Tuesdays'
at 05T12; gitreg alias set m:production v1
"""
NOW = {"GIT_COMMITTER_DATE": "2026-03-10T12:00:00Z"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the repositories are that the tests of this module share."""
    return tmp_path_factory.mktemp("audit")


@pytest.fixture
def project(folder: Path, repo: Path) -> Path:
    """The repository of the story, made once: reading changes nothing in it."""
    path = folder / "repo"
    if not path.exists():
        repo.rename(path)
        assert attempt(STORY, path).code == 0
    return path


def log(project: Path, line: str) -> Done:
    return attempt(f"gitreg alias log {line}", project, env=NOW)


def document(project: Path, line: str) -> Any:
    return json.loads(log(project, f"{line} --json").out)


def test_the_moves_are_shown_newest_first(project: Path) -> None:
    done = log(project, "m:production")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "    VERSION  WAS  AT                BY         REASON\n"
        "#4  v1            2026-03-05 12:00  Test User                        unpublished\n"
        "#3  removed  v2   2026-03-04 12:00  Test User  broken                unpublished\n"
        "#2  v2       v0   2026-03-04 09:00  Test User                        unpublished\n"
        "#1  v0            2026-03-01 12:00  Test User  first one that works  unpublished\n"
    )


def test_of_a_day_all_that_was_in_effect_is_shown_and_the_last_marked(project: Path) -> None:
    done = log(project, "m:production --at 2026-03-04")
    assert (done.code, done.err) == (0, "* is what it was at the end of 2026-03-04, UTC\n")
    assert done.out == (
        "   VERSION  FROM              UNTIL             BY         REASON\n"
        "*  removed  2026-03-04 12:00  2026-03-05 12:00  Test User  broken                unpublished\n"
        "   v2       2026-03-04 09:00  2026-03-04 12:00  Test User                        unpublished\n"
        "   v0       2026-03-01 12:00  2026-03-04 09:00  Test User  first one that works  unpublished\n"
    )


def test_of_a_moment_one_is_shown(project: Path) -> None:
    done = log(project, "m:production --at '2026-03-04 10:00'")
    assert (done.code, done.err, done.out.count("\n")) == (0, "", 2)
    assert done.out.splitlines()[1].startswith("v2 ")
    assert "now" in log(project, "m:production --at yesterday").out


def test_of_a_moment_all_aliases_are_shown_that_named_a_version(project: Path) -> None:
    found = document(project, "--all --at '2026-03-03 12:00'")
    assert (found["alias"], found["when"]) == (None, "2026-03-03 12:00")
    assert [(move["alias"], move["version"], move["until"]) for move in found["moves"]] == [
        ("m:production", "v0", "2026-03-04T09:00:00Z"),
        ("m:staging", "v2", None),
    ]
    assert all(move["last"] for move in found["moves"])
    done = log(project, "--all --at 2026-02-01")
    assert (done.code, done.out, done.err) == (0, "", "no alias was in effect then\n")


@pytest.mark.parametrize("whose", ["--all", "m"])
def test_the_moves_of_all_aliases_are_merged_and_removed_ones_are_among_them(project: Path, whose: str) -> None:
    moves = document(project, whose)["moves"]
    assert [(move["alias"], move["at"][8:13], move["version"], move["previous"]) for move in moves] == [
        ("m:production", "05T12", "v1", None),
        ("m:production", "04T12", None, "v2"),
        ("m:production", "04T09", "v2", "v0"),
        ("m:staging", "03T12", "v2", None),
        ("m:gone", "02T12", None, "v0"),
        ("m:gone", "01T12", "v0", None),
        ("m:production", "01T12", "v0", None),
    ]
    assert moves[1]["reason"] == "broken\n\nit failed on Tuesdays"
    assert moves[1]["until"] == "2026-03-05T12:00:00Z"


def test_within_a_collection_an_alias_needs_no_other_name(project: Path) -> None:
    def named(line: str) -> set[str]:
        return {row.split()[0] for row in log(project, line).out.splitlines()[1:]}

    assert named("m") == {"production", "staging", "gone"}
    assert named("--all") == {"m:production", "m:staging", "m:gone"}


def test_a_limit_is_the_newest_and_says_how_many_there_are(project: Path) -> None:
    done = log(project, "--all --limit 2")
    assert done.out.count("\n") == 3
    assert done.err == "2 of 7 moves; --limit all shows all\n"
    assert log(project, "--all --limit all").err == ""
    assert len(document(project, "m --limit 3")["moves"]) == 3


def test_an_audit_is_a_line_a_move_that_a_spreadsheet_reads(project: Path) -> None:
    done = log(project, "--all --format csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert done.out.count("\n") == len(rows) + 1 == 8
    assert done.out.splitlines()[0] == (
        "at,alias,action,version,previous,commit,by,reason,seq,published,record,behind.asked.who,behind.asked.how,"
        "behind.approved,behind.merged.commit,behind.merged.who,behind.merged.how,evidence"
    )
    assert (rows[1]["at"], rows[1]["action"], rows[1]["by"], rows[1]["version"], rows[1]["previous"]) == (
        "2026-03-04T12:00:00Z",
        "delete",
        "Test User <test@example.org>",
        "",
        "v2",
    )
    assert rows[1]["reason"] == r"broken\x0a\x0ait failed on Tuesdays"
    tabs = [line.split("\t") for line in log(project, "--all --format tsv").out.splitlines()]
    assert tabs == list(csv.reader(io.StringIO(done.out)))


@pytest.mark.parametrize(
    "reason",
    [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(A1)",
        " =1+1",
        "x;=1+1",
        "x; @y",
        "\uff1d1+1",
        "\t=1",
        "a\r\n=1",
        '"=1',
    ],
)
def test_no_text_becomes_a_formula_or_a_line_of_its_own(repo: Path, reason: str) -> None:
    attempt("echo x >../m && gitreg put ../m --name m --type model", repo)
    names = {"GIT_COMMITTER_NAME": reason.strip() or "x", "GIT_AUTHOR_NAME": reason.strip(), "REASON": reason}
    assert attempt('gitreg alias set m:a v0 --reason "$REASON"', repo, env=names).code == 0
    done = attempt("gitreg alias log --all --format csv", repo)
    head, line = done.out.splitlines()
    assert head.startswith("at,alias")
    # as a spreadsheet cuts it where cells are separated by commas, and where by semicolons
    for cut in (next(csv.reader([line])), line.replace('"', "").split(";")):
        assert [cell for cell in cut if cell.strip()[:1] in ("=", "+", "-", "@", "\uff1d")] == []


def test_reading_takes_as_many_processes_for_many_moves_as_for_few(repo: Path) -> None:
    moves = " && ".join(f"gitreg alias set m:a v{number % 2}" for number in range(12))
    attempt("for i in 1 2; do echo $i >../m; gitreg put ../m --name m --type model; done", repo)
    attempt(f"{moves} && gitreg alias set m:b v0", repo)
    for line in ("", "--format csv", "--at now"):
        counts = [
            attempt(f"gitreg --trace alias log m:{name} {line}", repo).err.count(" ms  git ") for name in ("a", "b")
        ]
        assert counts[0] == counts[1] < 12


def test_one_damaged_history_hides_no_other(repo: Path) -> None:
    attempt("echo x >../m && gitreg put ../m --name m --type model", repo)
    attempt("gitreg alias set m:a v0; gitreg alias rm m:a; gitreg alias set m:b v0; gitreg alias set m:c v0", repo)
    attempt("git update-ref refs/gitreg/aliases/m@c HEAD", repo)
    broken = (
        "git cat-file commit refs/gitreg/aliases/m@a | sed 's/seq: 2/seq: 5/' | git hash-object -t commit -w --stdin"
    )
    attempt(f"git update-ref refs/gitreg/aliases/m@a $({broken})", repo)
    done = attempt("gitreg --quiet alias log --all --format csv", repo)
    assert done.code == 0
    assert [line.split(",")[1] for line in done.out.splitlines()[1:]] == ["m:a", "m:b"]
    assert [line.partition(": the")[0].partition(":")[0] for line in done.err.splitlines()] == ["warning", "warning"]
    assert "the moves of 'm:a' are not all here" in done.err
    assert "the moves of 'm:c' are not all here" in done.err
    alone = attempt("gitreg alias log m:a", repo)
    assert (alone.code, alone.out) == (1, "")


def test_a_move_by_hand_is_said_to_be_without_a_record(repo: Path) -> None:
    attempt("echo x >../m && gitreg put ../m --name m --type model", repo)
    attempt("git update-ref refs/gitreg/aliases/m@a m@v0^0", repo)
    done = attempt("gitreg alias log m:a", repo)
    assert done.code == 0
    assert done.err.splitlines() == [
        "somebody moved 'm:a' to v0 by hand: there is no record of when and why",
        "to record it: gitreg alias set m:a v0 --reason WHY",
    ]


def test_rolling_back_to_what_was_there_on_a_day(repo: Path) -> None:
    attempt(STORY, repo)
    done = attempt("gitreg alias set m:production 'production@{2026-03-01}' --reason back", repo, env=NOW)
    assert (done.code, done.err.splitlines()[0]) == (0, "m:production: v1 -> v0 (unpublished)")
    done = attempt("gitreg alias set m:staging 'm:production@{2026-03-05}'", repo, env=NOW)
    assert done.err.splitlines()[0] == "m:staging: v2 -> v1 (unpublished)"


def test_aliases_are_listed_with_since_when_and_why(project: Path) -> None:
    done = attempt("gitreg alias ls", project, env=NOW)
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "ALIAS         VERSION  SINCE       BY\n"
        "m:production  v1       5 days ago  Test User  unpublished\n"
        "m:staging     v2       7 days ago  Test User  unpublished\n"
    )
    rows = list(csv.DictReader(io.StringIO(attempt("gitreg alias ls m --format csv", project, env=NOW).out)))
    assert [(row["alias"], row["at"], row["published"]) for row in rows] == [
        ("production", "2026-03-05T12:00:00Z", "false"),
        ("staging", "2026-03-03T12:00:00Z", "false"),
    ]


def test_a_clone_without_an_identity_reads_the_past(project: Path, sealed: Path, sh: Shell) -> None:
    (sealed / ".gitconfig").write_text("[user]\n    useConfigOnly = true\n")
    assert attempt("gitreg show 'm:production@{8 days ago}'", project, env=NOW).code == 0
