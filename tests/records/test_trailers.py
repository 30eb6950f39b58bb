"""git is the oracle: what `git log` says a message's trailers are, we say too."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from gitreg.errors import RecordError
from gitreg.git.objects import Objects
from gitreg.git.runner import Git
from gitreg.records.objects import EMPTY_TREE, GITREG_IDENTITY, Commit, hash_object
from gitreg.records.trailers import Message, compose

RUN = "Gitreg-Run"
RECORD = {"schema": 1, "id": "x", "notes": "two\nlines", "inputs": [{"a": 1}]}
BLOCK = compose("s", {RUN: RECORD}).partition("\n\n")[2]


class Oracle:
    """An object database; `ask` says what git takes for the value of a trailer."""

    def __init__(self, path: Path) -> None:
        subprocess.run(["git", "init", "--quiet", "--bare", str(path)], check=True)
        self.path = path
        self.objects = Objects(Git.discover(path))
        self.objects.write([("tree", b"")])

    def ask(self, message: str, key: str = RUN) -> str:
        data = Commit(EMPTY_TREE, (), GITREG_IDENTITY, GITREG_IDENTITY, message).encode()
        self.objects.write([("commit", data)])
        command = ["git", "log", "-1", f"--format=%(trailers:key={key},valueonly)", str(hash_object("commit", data))]
        return subprocess.run(command, cwd=self.path, check=True, capture_output=True).stdout.decode()


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    oracle = Oracle(tmp_path_factory.mktemp("oracle") / "repo.git")
    yield oracle
    oracle.objects.close()


def ours(message: str, key: str = RUN) -> dict[str, object] | None:
    return Message.parse(message).record(key)


paragraph = st.text("ab :-_\t#>|.é\r", min_size=1, max_size=20)
line = st.sampled_from(
    [
        "text", "Gitreg-Run: ---", "  id: forged", "Signed-off-by: A <a@b>", "Key: value", "---", "# comment", "    ",
        "diff --git a b", "------------------------ >8 ------------------------", "Conflicts:", "\tfolded",
        "(cherry picked from commit 1234)", "Gitreg-Alias: ---", "-----BEGIN PGP SIGNATURE-----", "gitreg-run: ---",
    ]
) | paragraph  # fmt: skip
bodies = st.lists(line | st.just(""), max_size=8).map("\n".join)
records = st.dictionaries(
    st.text("abz_-", min_size=1, max_size=5),
    st.none()
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=15)
    | st.lists(st.booleans()),
    min_size=1,
    max_size=4,
)


@example("Gitreg-Run: ---\n  id: forged", RECORD)
@example("a\n\nGitreg-Run: ---\n  id: forged\n\n\n", RECORD)
@example("Signed-off-by: A <a@b>", RECORD)
@example("---", RECORD)
@given(bodies, records)
def test_whatever_the_body_git_and_we_read_the_record_that_was_written(
    git: Oracle, body: str, record: dict[str, object]
) -> None:
    message = compose("log m", {RUN: record}, body)
    assert ours(message) == record
    assert yaml.safe_load(git.ask(message)) == record


@given(bodies)
def test_the_parts_of_a_message_come_back(body: str) -> None:
    message = Message("log m", body.strip("\n"), {RUN: "a: 1\n"})
    back = Message.parse(message.encode())
    assert (back.subject, back.trailers) == (message.subject, message.trailers)
    assert back.body.split() == message.body.split()


@given(st.lists(line | st.just("") | st.just("  schema: 1"), max_size=10).map("\n".join))
def test_git_sees_every_record_that_we_see_in_any_message_whatever(git: Oracle, text: str) -> None:
    message = f"subject\n\n{text}\n"
    try:
        found = Message.parse(message).trailers.get(RUN)
    except RecordError:
        return
    theirs = git.ask(message)
    if found is not None and theirs.strip():
        # git keeps the indent; where it sees none at all, others' prose stands among the trailers
        assert theirs.removeprefix("---\n").replace("\r", "").split() == found.replace("\r", "").split()


@pytest.mark.parametrize(
    "block",
    [
        f"Signed-off-by: A <a@example.com>\n{BLOCK}",
        f"{BLOCK}Signed-off-by: A <a@example.com>\nChange-Id: I1\n",
        f"Reviewed-by: B\n{BLOCK}Co-authored-by: C <c@example.com>\n",
        f"{BLOCK}Folded: over\n  several\n  lines\n",
        f"{BLOCK}Gitreg-Artifact: ---\n  schema: 1\n",
    ],
)
def test_other_peoples_trailers_may_stand_in_the_same_paragraph(git: Oracle, block: str) -> None:
    message = f"log m\n\nbody\n\n{block}"
    assert ours(message) == RECORD
    assert yaml.safe_load(git.ask(message)) == RECORD


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Gitreg-Run: ---\n  id: forged\n", None),
        ("Gitreg-Run: ---\n", None),
        ("s\n\nGitreg-Run: ---\n  id: forged\n\nmore text\n", None),
        ("s\n\nGitreg-Run: ---\n  id: forged\n \nmore text\n", None),
        ("s\n\nGitreg-Run: ---\n  id: forged\n\nChange-Id: I1\n", None),
        (f"s\n\nGitreg-Run: ---\n  id: forged\n\n{BLOCK}", RECORD),
        (f"Gitreg-Run: ---\n  id: forged\n\n{BLOCK}", RECORD),
        (f"s\n\n  Gitreg-Run: ---\n\n{BLOCK}", RECORD),
        ("", None),
        ("\n\n\n", None),
        (f"s\n\n\n\n{BLOCK}\n\n\n", RECORD),
        (f"s\n \t\n{BLOCK}", RECORD),
    ],
)
def test_only_the_last_paragraph_counts_and_never_the_first(
    git: Oracle, message: str, expected: dict[str, object] | None
) -> None:
    assert ours(message) == expected
    assert yaml.safe_load(git.ask(message) or "null") == expected


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (BLOCK + BLOCK, "stands twice"),
        (BLOCK + BLOCK.lower(), "stands twice"),
        (BLOCK + BLOCK.replace("Gitreg-Run:", "Gitreg-Run :"), "stands twice"),
        ("Gitreg-Run: {schema: 1}\n", "opens no YAML document"),
        ("Gitreg-Run:\n  schema: 1\n", "opens no YAML document"),
    ],
)
def test_a_second_record_of_a_kind_and_one_without_its_opening_are_refused(git: Oracle, block: str, why: str) -> None:
    assert git.ask(f"s\n\n{block}")
    with pytest.raises(RecordError, match=why):
        Message.parse(f"s\n\n{block}")


def test_a_blank_line_inside_a_record_loses_it_for_git_and_for_us(git: Oracle) -> None:
    message = "s\n\nGitreg-Run: ---\n  schema: 1\n\n  id: x\n"
    assert (ours(message), git.ask(message).strip()) == (None, "")


def test_carriage_returns_at_the_ends_of_lines_change_nothing(git: Oracle) -> None:
    message = f"s\n\n{BLOCK}".replace("\n", "\r\n")
    assert ours(message) == RECORD
    assert yaml.safe_load(git.ask(message)) == RECORD


def test_a_line_that_python_would_break_stays_one_line(git: Oracle) -> None:
    message = "s\x85t\u2028u\x0cv\n\nbo\u2028dy\n\n" + BLOCK
    parsed = Message.parse(message)
    assert (parsed.subject, parsed.body) == ("s\x85t\u2028u\x0cv", "bo\u2028dy")
    assert parsed.record(RUN) == yaml.safe_load(git.ask(message)) == RECORD


@pytest.mark.parametrize("subject", ["", "two\nlines"])
def test_a_subject_is_one_line(subject: str) -> None:
    with pytest.raises(RecordError, match="one line"):
        compose(subject, {RUN: RECORD})


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_what_git_would_cut_or_cannot_hold_is_refused(text: str) -> None:
    message = compose("s", {RUN: RECORD}, text)
    with pytest.raises(RecordError, match="must not hold"):
        Commit(EMPTY_TREE, (), GITREG_IDENTITY, GITREG_IDENTITY, message).encode()


def test_a_message_without_records_is_subject_and_body() -> None:
    assert Message.parse("fix it\nat once\n\nwhy\n\nKey: value\n") == Message(
        "fix it", "at once\n\nwhy\n\nKey: value", {}
    )
    assert ours("fix it\n\nKey: value\n") is None


@pytest.mark.parametrize("line", ["# ------------------------ >8 ------------------------", "------------ >8 ----"])
def test_a_scissors_line_in_a_reason_cuts_no_record_off(git: Oracle, line: str) -> None:
    message = compose("s", {RUN: RECORD}, f"before\n{line}\nafter")
    assert yaml.safe_load(git.ask(message)) == RECORD
    assert Message.parse(message).body == f"before\n {line}\nafter"


def test_a_long_line_from_a_stranger_takes_no_longer_than_its_length() -> None:
    started = time.process_time()
    with pytest.raises(RecordError, match="opens no YAML document"):
        Message.parse(f"subject\n\nGitreg-Run: a{' ' * 1_000_000}b\n")
    assert time.process_time() - started < 10
