"""`gitreg fsck` finds records, trees, chains and names that are not what the format says, and its remedies work."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from damaging import (
    DRAFT,
    PRODUCTION,
    Case,
    Ground,
    after,
    check,
    error,
    exchange,
    note,
    told,
    verbatim,
    warning,
)

from gitreg.records.names import AliasName, CollectionName
from gitreg.registry import aliases
from tally import FAULTS, Tally


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Ground]]:
    with told(tmp_path_factory) as again:
        yield again


PUT_AGAIN = "gitreg put PATH --name mnist --type TYPE"

# --- records and trees ------------------------------------------------------------------------------------------------

DROP = "gitreg drop mnist:v1, and log the artifact again"
AGAIN = "log the artifact again, as a new version"


def off_by_one(line: str) -> Callable[[str], str]:
    """Change the last digit of what stands in a line of a record."""

    def edit(text: str) -> str:
        at = text.index(f"\n  {line}: ") + 1
        end = text.index("\n", at) - 1
        while not text[end].isalnum():
            end -= 1
        return f"{text[:end]}{'0' if text[end] != '0' else '1'}{text[end + 1 :]}"

    return edit


def drop_parent(text: str) -> str:
    """A commit without its last parent."""
    lines = text.split("\n")
    last = max(at for at, line in enumerate(lines) if line.startswith("parent "))
    return "\n".join(lines[:last] + lines[last + 1 :])


def make_tag(ground: Ground, ref: str, source: str, *edits: tuple[str, str]) -> None:
    """A version's tag from another one's, with its text changed."""
    text = ground.raw("tag", source)
    for old, new in edits:
        assert old in text, text
        text = text.replace(old, new)
    ground.git(f"update-ref {ref} {ground.write('tag', text)}")


def other_input(ground: Ground) -> Callable[[str], str]:
    """Another commit as the run's input, in its record and as its parent."""
    old, new = ground.git("rev-parse digits@v0^0"), ground.git("commit-tree -m 'no artifact' 'HEAD^{tree}'")

    def edit(text: str) -> str:
        return re.sub(f'commit: "?{old}"?', f'commit: "{new}"', text).replace(old, new)

    return edit


def _other_digest(text: str) -> str:
    """The digest of the run's input, changed."""
    head, _, tail = text.rpartition("Gitreg-Artifact")
    at = head.rindex("digest: ") + len('digest: "')
    return f"{head[:at]}{'0' if head[at] != '0' else '1'}{head[at + 1 :]}Gitreg-Artifact{tail}"


def _other_id(text: str) -> str:
    """The run's id, changed."""
    at = text.index("\n  id: ") + len('\n  id: "')
    return f"{text[:at]}{'x' if text[at] != 'x' else 'y'}{text[at + 1 :]}"


RECORDS = [
    Case(
        "a version's tag under another number",
        lambda ground: ground.git("update-ref refs/tags/mnist@v7 mnist@v0"),
        (error("mnist:v7", "header, ref and record of tag 'mnist@v7' disagree", AGAIN),),
    ),
    Case(
        "a tag whose record names another digest than its commit",
        lambda ground: ground.remake(tag=off_by_one("digest")),
        (error("mnist:v1", "tag and commit of 'mnist:v1' disagree about 'digest'", DROP),),
        mend=lambda *_: "gitreg drop mnist:v1",
    ),
    Case(
        "a tag whose first line names another version",
        lambda ground: ground.remake(tag=exchange("mnist:v1\n", "mnist:v5\n")),
        (warning("mnist:v1", "its tag's first line says 'mnist:v5'", DROP),),
    ),
    Case(
        "a record of a newer gitreg",
        lambda ground: ground.remake(tag=exchange("schema: 1", "schema: 2")),
        (warning("mnist:v1", "version has schema 2, this gitreg reads up to 1", "pip install -U gitreg"),),
    ),
    Case(
        "a record that is no YAML",
        lambda ground: ground.remake(tag=exchange("  number: 1", "  number: [1")),
        (error("mnist:v1", "bad YAML", f"git update-ref -d {DRAFT} && gitreg drop "),),
        mend=lambda _, finding: finding.remedy.partition(", and ")[0],
    ),
    Case(
        "a tag with its record behind other words",
        lambda ground: ground.remake(tag=lambda text: f"{text}\nnot the last paragraph\n"),
        (error("mnist:v1", "its record is not in the last paragraph", DRAFT),),
    ),
    Case(
        "an input of a run taken out of its commit",
        lambda ground: ground.remake(commit=drop_parent),
        (error("mnist:v1", "are not the inputs of run", DROP),),
    ),
    Case(
        "an input with another digest",
        lambda ground: ground.remake(commit=_other_digest),
        (error("run 'train-2'", "it used 'digits:v0' with another digest than commit ", "git show "),),
        mend=after("to take it back: "),
    ),
    Case(
        "an input that is no version",
        lambda ground: ground.remake(commit=other_input(ground)),
        (error("run 'train-2'", ", which logs no artifact", "git show "),),
        mend=after("to take it back: "),
    ),
    Case(
        "an artifact's record that claims more files",
        lambda ground: ground.remake(
            commit=exchange("  files: 1", "  files: 2"), tag=exchange("  files: 1", "  files: 2")
        ),
        (error("mnist:v1", "its files and its record's 'files' disagree", DROP),),
    ),
    Case(
        "a manifest with another hash",
        lambda ground: ground.remake_tree(
            "show artifacts/mnist.sha256 | sed 's/^0/1/; t; s/^./0/' | put artifacts/mnist.sha256"
        ),
        (
            error("mnist:v1", "'model.bin' is damaged in the cache: its sha256 is ", PUT_AGAIN),
            error("mnist:v1", "its files and its record's 'manifest' disagree", DROP),
        ),
    ),
    Case(
        "a listing with another size",
        lambda ground: ground.remake_tree(
            "show artifacts/mnist.files | sed 's/  12  /  13  /' | put artifacts/mnist.files"
        ),
        (
            error("mnist:v1", "'model.bin' is damaged in the cache: it has 12 bytes instead of 13", PUT_AGAIN),
            error("mnist:v1", "its files and its pointer disagree", DROP),
            error("mnist:v1", "its files and its record's 'size' disagree", DROP),
        ),
    ),
    Case(
        "a listing and a manifest of different files",
        lambda ground: ground.remake_tree(
            "show artifacts/mnist.files | sed 's/model/other/' | put artifacts/mnist.files"
        ),
        (error("mnist:v1", "manifest and listing name different files", DROP),),
    ),
    Case(
        "a path that leaves the artifact's folder",
        lambda ground: ground.remake_tree(
            "for end in sha256 files; do"
            " show artifacts/mnist.$end | sed 's/model.bin/..\\/x/' | put artifacts/mnist.$end; done"
        ),
        (error("mnist:v1", "unsafe path '../x'", DROP),),
    ),
    Case(
        "a pointer to another folder",
        lambda ground: ground.remake_tree(
            "show artifacts/mnist.dvc | sed 's/path: mnist/path: other/' | put artifacts/mnist.dvc"
        ),
        (error("mnist:v1", "its files and its pointer disagree", DROP),),
    ),
    Case(
        "a pointer that is no pointer",
        lambda ground: ground.remake_tree("echo 'outs: []' | put artifacts/mnist.dvc"),
        (error("mnist:v1", "its files and its pointer (pointer must have exactly one output) disagree", DROP),),
    ),
    Case(
        "a pointer in another form than DVC's",
        lambda ground: ground.remake_tree(
            "{ show artifacts/mnist.dvc; echo '# a comment'; } | put artifacts/mnist.dvc"
        ),
        (error("mnist:v1", "its pointer, which DVC would write in another form, disagree", DROP),),
    ),
    Case(
        "a file too many in a version's tree",
        lambda ground: ground.remake_tree("echo 'steps: 1' | put .github/workflows/run.yml"),
        (error("mnist:v1", "its tree holds '.github', which is no part of an artifact", DROP),),
        mend=lambda *_: "gitreg drop mnist:v1",
    ),
    Case(
        "a file missing from a version's tree",
        lambda ground: ground.remake_tree("git update-index --force-remove artifacts/mnist.files"),
        (error("mnist:v1", "its tree has no 'artifacts/mnist.files'", DROP),),
    ),
    Case(
        "a program in a version's tree",
        lambda ground: ground.remake_tree("show artifacts/mnist.dvc | put artifacts/mnist.dvc 100755"),
        (error("mnist:v1", "'artifacts/' in its tree holds more than files of mode 100644", DROP),),
    ),
    Case(
        "attributes that change bytes in a version's tree",
        lambda ground: ground.remake_tree("echo '* text=auto' | put artifacts/.gitattributes"),
        (error("mnist:v1", "'artifacts/.gitattributes' in its tree is not what it must be", DROP),),
    ),
    Case(
        "a password in a version's configuration",
        lambda ground: ground.remake_tree("{ show .dvc/config; echo '    password = hunter2'; } | put .dvc/config"),
        (
            error(
                "mnist:v1",
                "says more than where the storage is: is it a secret?",
                f"change what is secret there; {DROP}",
            ),
        ),
        mend=lambda *_: "gitreg drop mnist:v1",
    ),
    Case(
        "a storage that is not absolute",
        lambda ground: ground.remake_tree("show .dvc/config | sed 's/url = .*/url = ..\\/storage/' | put .dvc/config"),
        (error("mnist:v1", "a version's storage '../storage' is not absolute", DROP),),
    ),
    Case(
        "two collections that differ only by case",
        lambda ground: make_tag(
            ground, "refs/gitreg/drafts/MODEL/Digits@v0", "model/Digits@v0", ("model/Digits", "MODEL/Digits")
        ),
        (
            error("MODEL", "space 'MODEL' and 'model' differ only by case", "use one of them"),
            error(
                "MODEL/Digits", "collection 'MODEL/Digits' and 'model/Digits' differ only by case", "use one of them"
            ),
        ),
    ),
    Case(
        "a link among logged versions",
        lambda ground: make_tag(
            ground,
            "refs/gitreg/drafts/digits@v1",
            "model/Digits@v0",
            ("model/Digits", "digits"),
            ("v0\n", "v1\n"),
            ("number: 0", "number: 1"),
        ),
        (
            error("digits", "it holds links and logged versions: v", "into another collection"),
            warning("digits", "it holds versions of several types: dataset, model", "into another collection"),
        ),
    ),
    Case(
        "a number that others have published, too",
        lambda ground: make_tag(
            ground,
            "refs/tags/mnist@v1",
            DRAFT,
            ("Test User", "Somebody Else"),
        ),
        (note("mnist:v1", "somebody else has published this number", "gitreg push"),),
    ),
    Case(
        "a publishing that was interrupted before the draft went",
        lambda ground: ground.git("update-ref refs/gitreg/drafts/mnist@v0 mnist@v0"),
        (note("mnist:v0", "it is published, and its draft is still here", "gitreg push"),),
    ),
]

# --- runs -----------------------------------------------------------------------------------------------------------


def end_with(ground: Ground, script: str) -> None:
    """Give the run's last commit another tree."""
    index = ground.folder / "index"
    tree = ground.sh(f"export GIT_INDEX_FILE='{index}'; git read-tree --empty; {script}\ngit write-tree").split()[-1]
    old = ground.git(f"rev-parse '{ground.run_ref}^{{tree}}'")
    ground.remake(last=exchange(f"tree {old}", f"tree {tree}"))


def diverge(ground: Ground) -> None:
    """The published run's last commit, written anew here."""
    ref = ground.published_run
    text = ground.raw("commit", ref).replace("2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z")
    here = ref.replace("refs/gitreg-remotes/origin/", "refs/gitreg/")
    ground.git(f"update-ref {here} {ground.write('commit', text)}")


def kill_run(ground: Ground) -> None:
    """`kill -9` while `gitreg run` runs a command."""
    command = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    line = ["gitreg", "run", "--name", "killed-1", "--", sys.executable, "-c", command]
    done = subprocess.run(line, cwd=ground.work, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done


def lose_journal(ground: Ground) -> None:
    kill_run(ground)
    next((ground.work / ".git" / "gitreg" / "journal").glob("*.jsonl")).unlink()


def unend(ground: Ground) -> None:
    """A run with results whose last commit and journal are lost."""
    ground.git(f"update-ref {ground.run_ref} '{DRAFT}^0'")


RUNS = [
    Case(
        "a run's last commit that belongs to another run",
        lambda ground: ground.remake(last=_other_id),
        (error("run ", ", which belongs to run 'train-2' (", "git log --first-parent refs/gitreg/runs/"),),
    ),
    Case(
        "a run's first commit that belongs to another run",
        lambda ground: ground.remake(commit=_other_id, tag=lambda text: text),
        (
            error("mnist:v1", "tag and commit of 'mnist:v1' disagree about 'run'", DROP),
            error("run 'train-2'", "is on its chain and does not belong to it", "git log --first-parent refs/gitreg/"),
        ),
    ),
    Case(
        "a run that ended twice, here and on the remote",
        diverge,
        (error("run 'train-1'", "it goes on from the same commit in two ways", "git update-ref -d refs/gitreg/runs/"),),
    ),
    Case(
        "a history that is no JSON",
        lambda ground: end_with(
            ground,
            "git update-index --add --cacheinfo 100644,$(echo step | git hash-object -w --stdin),run/history.json",
        ),
        (error("run 'train-2'", "'run/history.json': a step history is one JSON object", "git show "),),
        mend=after("to take it back: "),
    ),
    Case(
        "something else in the tree of a run's last commit",
        lambda ground: end_with(
            ground, "git update-index --add --cacheinfo 100644,$(echo all | git hash-object -w --stdin),notes.txt"
        ),
        (error("run 'train-2'", "the tree of its last commit holds other files than 'run/history.json'", "git show "),),
    ),
    Case(
        "a run killed with kill -9",
        kill_run,
        (warning("run ", "its process was killed", "gitreg run recover "),),
        mend=verbatim,
    ),
    Case(
        "a run killed before it recorded anything, and its journal gone",
        lose_journal,
        (
            warning(
                "run ", "it has started and recorded nothing, and no journal", "git update-ref -d refs/gitreg/runs/"
            ),
        ),
        mend=verbatim,
    ),
    Case(
        "a run's end lost, and its journal gone",
        unend,
        (warning("run 'train-2'", "it has not ended, and its journal is not here", "it can be published as it is"),),
    ),
]

# --- aliases ----------------------------------------------------------------------------------------------------------


def twin_alias(ground: Ground) -> None:
    """mnist:Candidate, as a Mac's file system would not have let it be."""
    name = AliasName(CollectionName("", "mnist"), "Candidate")
    root = ground.write("commit", aliases.root(name).encode())
    text = ground.raw("commit", CANDIDATE).replace("candidate", "Candidate")
    text = text.replace(ground.git(f"rev-parse {CANDIDATE}^1"), root)
    ground.git(f"update-ref refs/gitreg/aliases/mnist@Candidate {ground.write('commit', text)}")


CANDIDATE = "refs/gitreg/aliases/mnist@candidate"
ALIASES = [
    Case(
        "an alias moved by hand to a version",
        lambda ground: ground.git(f"update-ref {CANDIDATE} '{DRAFT}^0'"),
        (warning("mnist:candidate", "somebody moved its ref by hand, to v1", "gitreg alias set mnist:candidate v1"),),
        mend=verbatim,
    ),
    Case(
        "an alias moved by hand to a version's tag",
        lambda ground: ground.git(f"update-ref {CANDIDATE} mnist@v0"),
        (warning("mnist:candidate", "somebody moved its ref by hand, to v0", "gitreg alias set mnist:candidate v0"),),
        mend=verbatim,
    ),
    Case(
        "an alias moved by hand to no version",
        lambda ground: ground.git(f"update-ref {CANDIDATE} main"),
        (error("mnist:candidate", "which is no version of the collection", "git update-ref -d refs/gitreg/aliases/"),),
        mend=verbatim,
    ),
    Case(
        "a published alias moved by hand to no version",
        lambda ground: ground.git(f"update-ref {PRODUCTION} main"),
        (
            error(
                "model/Digits:production",
                "which is no version of the collection",
                "git push --no-verify --force origin",
            ),
        ),
    ),
    Case(
        "an alias's record out of sequence",
        lambda ground: ground.promote(exchange("seq: 1", "seq: 2")),
        (error("mnist:candidate", "does not begin at its first record", "git log --first-parent "),),
        mend=after("not published: "),
    ),
    Case(
        "an alias's record of another alias",
        lambda ground: ground.git(f"update-ref {CANDIDATE} {PRODUCTION}"),
        (error("mnist:candidate", "does not fit its commit", "git log --first-parent "),),
        mend=after("not published: "),
    ),
    Case(
        "an alias's record without its version as parent",
        lambda ground: ground.promote(drop_parent),
        (error("mnist:candidate", "does not fit its commit", "git log --first-parent "),),
        mend=after("not published: "),
    ),
    Case(
        "a promotion whose tree is not its version's",
        lambda ground: ground.promote(
            exchange(ground.git("rev-parse 'mnist@v0^{tree}'"), ground.git("rev-parse 'digits@v0^{tree}'"))
        ),
        (error("mnist:candidate", "a deployment would check out another", "git show "),),
        mend=after("not published: "),
    ),
    Case(
        "a promotion whose first line says something else",
        lambda ground: ground.promote(exchange("candidate -> mnist@v0", "candidate -> mnist@v9")),
        (warning("mnist:candidate", "does not say 'candidate -> mnist@v0'", "git show "),),
        mend=after("not published: "),
    ),
    Case(
        "an alias that names a version without a tag",
        lambda ground: ground.git("update-ref -d refs/tags/model/Digits@v0"),
        (error("model/Digits:production", "which has no tag here", "gitreg fetch"),),
        mend=lambda *_: "gitreg fetch",
    ),
    Case(
        "an alias whose record names another version than its commit",
        lambda ground: ground.promote(
            lambda text: text.replace("mnist@v0", "mnist@v9").replace("version: v0", "version: v9")
        ),
        (warning("mnist:candidate", "its record says v9, and the version of that commit is v0", "gitreg alias set "),),
    ),
    Case(
        "two aliases that differ only by case",
        twin_alias,
        (
            error(
                "mnist:candidate", "it differs from 'mnist:Candidate' only by case", "gitreg alias rm mnist:candidate"
            ),
        ),
    ),
    Case(
        "others moved the alias since it was moved here",
        lambda ground: ground.git(
            "update-ref refs/gitreg-remotes/origin/aliases/mnist@candidate "
            + ground.write("commit", ground.raw("commit", CANDIDATE).replace("Test User", "Somebody Else"))
        ),
        (
            warning(
                "mnist:candidate", "others have moved it since it was moved here", "gitreg alias reset mnist:candidate"
            ),
        ),
        mend=lambda *_: "gitreg alias reset mnist:candidate",
    ),
]


CASES = [*RECORDS, *RUNS, *ALIASES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.words)
def test_finds(case: Case, fresh: Callable[[], Ground], tally: Tally) -> None:
    with tally.attempt(FAULTS, f"fsck finds: {case.words}"):
        check(fresh(), case)
