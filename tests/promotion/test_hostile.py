"""A fork's request that means harm: the plan says what is wrong, runs nothing, and shows only text."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import badinput
import cmarkgfm
import pytest
from badinput import MARK, Done
from cmarkgfm.cmark import Options

from conftest import Shell

STORY = """
git init --quiet --bare server.git && git init --quiet repo && cd repo
git remote add origin ../server.git && gitreg init --storage ../storage
mkdir .gitreg && cat >.gitreg/policy.yaml <<'END'
aliases:
  production: {protected: true, gates: {accuracy: ">= 0.9"}}
END
git add . && git commit --quiet -m 'set up gitreg'
echo zero >file && gitreg put file --name m --type model
gitreg run -- gitreg put file --name other --type dataset
git push --quiet origin main && git remote set-head origin --auto
"""
FILE, POLICY = ".gitreg/aliases/m.yaml", ".gitreg/policy.yaml"
TEXT, PROGRAM, LINK, SUBMODULE, FOLDER = "100644", "100755", "120000", "160000", "040000"
MARKUP = (
    "</code></details><script>alert(1)</script><img src=x onerror=alert(1)> @everyone #1 | a | ![x](http://x/x.png)"
)
TOUCH = f"touch${{IFS}}{MARK}"
EVIL = "\x1b]0;owned\x07\x1b[31m\x9b2J\u202eevil\u2066\u200b"


# The elements that a comment has.
OURS = re.compile("h3|p|ul|li|table|thead|tbody|t[rhd]|code|pre|details|summary|br|strong")


@dataclass(frozen=True)
class Request:
    """What somebody asks for.

    Attributes:
        code: the exit code of its plan.
        says: what stands in the plan as text.
        files: what is in its commit, besides what is on the default branch: mode and content by path.
        hides: what must stand nowhere.
    """

    code: int
    says: str
    files: Mapping[bytes, tuple[str, bytes]] = field(default_factory=dict)
    hides: str = ""


def file(text: str | bytes, path: str = FILE, mode: str = TEXT) -> dict[bytes, tuple[str, bytes]]:
    return {path.encode("utf-8", "surrogateescape"): (mode, text.encode() if isinstance(text, str) else text)}


def named(name: str) -> dict[bytes, tuple[str, bytes]]:
    """A file of this name, which says nothing wrong."""
    return file("a: v0\n", f".gitreg/aliases/{name}.yaml")


def bomb(depth: int = 9) -> str:
    """A text of a few hundred bytes that would be a thousand million strings."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, depth)]
    return "\n".join(lines) + "\n"


REQUESTS = {
    "an alias whose name is markup": Request(1, "'.gitreg/aliases/m.yaml', line 1: ", file(f"'{MARKUP}': v0\n")),
    "a reason that is markup": Request(3, "reason", file(f"staging: {{version: v0, reason: '{MARKUP}'}}\n")),
    "a reason that a terminal would obey": Request(
        3, "reason", file(f"staging: {{version: v0, reason: {json.dumps(EVIL)}}}\n")
    ),
    "a reason that a shell would obey": Request(
        4,
        f"--reason '$(touch {MARK})'",
        file(f"staging: {{version: v0, after: '0123456', reason: '$(touch {MARK})'}}\n"),
    ),
    "a version that is markup": Request(1, "is no version", file(f"staging: '{MARKUP}'\n")),
    "a file whose name is markup": Request(1, "cannot be read", named(MARKUP[7:40])),
    "a file whose name is a command": Request(1, "cannot be read", named(f"$(touch {MARK})")),
    "a file whose name a terminal would obey": Request(1, "cannot be read", named(EVIL)),
    "a file whose name is no text": Request(
        1, "cannot be read", {b".gitreg/aliases/\xff\xfe.yaml": (TEXT, b"a: v0\n")}
    ),
    "a file whose name is an option": Request(1, "cannot be read", named(f"--output={MARK}")),
    "a policy that lets it pass": Request(
        4, "this request is judged by the policy of", file("production: v0\n") | file("aliases: {}\n", POLICY)
    ),
    "a policy that is taken away": Request(
        4, "this request is judged by the policy of", file("production: v0\n") | {POLICY.encode(): ("", b"")}
    ),
    "a policy that is a bomb": Request(1, "anchors and aliases", file("production: v0\n") | file(bomb(), POLICY)),
    "a policy that is a link": Request(1, "no regular file", file("a: v0\n") | file("../file", POLICY, LINK)),
    "other reviewers": Request(
        3, "how requests are checked changes too", file("staging: v0\n") | file("* @eve\n", "CODEOWNERS")
    ),
    "other workflows": Request(
        3,
        "'.github/workflows' changes",
        file("staging: v0\n") | file(f"run: touch {MARK}\n", ".github/workflows/plan.yml"),
    ),
    "a version that does not exist": Request(4, "there is no 'm:v7'", file("staging: v7\n")),
    "a version that no number can be": Request(1, "is no version", file("staging: v10000000000\n")),
    "a version of a megabyte": Request(1, "'xxx", file(f"staging: {'x' * 900_000}\n")),
    "another collection's version": Request(1, "is no version", file("staging: other:v0\n")),
    "another collection's commit": Request(4, "OTHER", file("staging: {version: v0, commit: 'OTHER'}\n")),
    "a commit that is an option": Request(
        1, "field 'commit'", file(f"staging: {{version: v0, commit: --output={MARK}}}\n")
    ),
    "a collection that does not exist": Request(4, "there is no collection", named("x/y")),
    "a path out of the folder": Request(1, "cannot be read", named("x/y/z")),
    "a YAML bomb": Request(1, "anchors and aliases are not allowed", file(bomb())),
    "a YAML merge bomb": Request(1, "anchors and aliases", file("a: &a {x: v0}\nb: {<<: *a}\n")),
    "YAML that would make an object": Request(1, "tag", file(f"a: !!python/object/apply:os.system ['touch {MARK}']\n")),
    "YAML of a hundred thousand levels": Request(1, "nested deeper", file("a: " + "[" * 100_000)),
    "YAML with a number without end": Request(1, "digits", file("a: " + "9" * 100_000)),
    "a key twice": Request(1, "stands twice", file("staging: v0\nstaging: v1\n")),
    "two documents": Request(1, "one YAML document", file("staging: v0\n---\nstaging: v1\n")),
    "a file of ten megabytes": Request(1, "larger than", file(b"a: v0 #" + b"x" * 10_000_000)),
    "a file of twenty megabytes, which is no record": Request(1, "bytes", file(b"#" * 20_000_000)),
    "a file that is no text": Request(1, "UTF-8", file(b"a: \xff\xfe\n")),
    "a file with NUL": Request(1, "cannot be read", file(b"a: v0\0\n")),
    "a link to what is not theirs": Request(1, "link", file("../../../secret", mode=LINK), hides="hidden"),
    "a link for the folder": Request(1, "link", file("..", ".gitreg/aliases", LINK), hides="hidden"),
    "a submodule": Request(1, "submodule", file("", mode=SUBMODULE)),
    "a folder with the name of a file": Request(1, "folder", file("a: v0\n", f"{FILE}/x")),
    "ten thousand files": Request(
        1, "more than", {f".gitreg/aliases/c{at}.yaml".encode(): (TEXT, b"a: v0\n") for at in range(10_001)}
    ),
    "a program": Request(3, "m:staging", file("#!/bin/sh\n# touch\nstaging: v0\n", mode=PROGRAM)),
    "attributes that name programs": Request(
        3, "m:staging", file("staging: v0\n") | file("* filter=evil diff=evil merge=evil textconv\n", ".gitattributes")
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture
def repo(folder: Path, sh: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A clone of what is attacked, made once: whoever plans changes nothing in it."""
    path = folder / "repo"
    if not path.exists():
        sh(STORY, cwd=folder)
        (folder / "secret").write_text("hidden: v0\n")
        # what a filter would run, where somebody has one
        sh(f"git config filter.evil.smudge 'touch {MARK}' && git config diff.evil.textconv 'touch {MARK}'", cwd=path)
    monkeypatch.chdir(path)
    yield path
    assert not list(folder.rglob(MARK))


def ask(repo: Path, files: Mapping[bytes, tuple[str, bytes]], branch: str = "refs/pull/7/head") -> None:
    """A commit on top of the default branch, as a fork sends it; an empty mode takes a file away."""
    other = subprocess.run(["git", "rev-parse", "other@v0^{}"], cwd=repo, check=True, capture_output=True).stdout[:12]
    parts = [b"commit %s\ncommitter Eve <e@x> 1 +0000\ndata 3\nask\nfrom refs/heads/main^0\n" % branch.encode()]
    for path, (mode, content) in files.items():
        name = b'"' + b"".join(b"\\%03o" % byte for byte in path) + b'"'
        data = content.replace(b"OTHER", other)
        if not mode:
            parts.append(b"D %s\n" % name)
        elif mode == SUBMODULE:
            parts.append(b"M 160000 %s %s\n" % (b"1" * 40, name))
        else:
            parts.append(b"M %s inline %s\ndata %d\n%s\n" % (mode.encode(), name, len(data), data))
    stream = b"reset %s\n\n" % branch.encode() + b"".join(parts)
    subprocess.run(
        ["git", "fast-import", "--quiet", "--force"], cwd=repo, input=stream, check=True, capture_output=True
    )


def plan(form: str, head: str = "refs/pull/7/head") -> Done:
    return badinput.run("plan", "--base", "origin/main", "--head", head, "--format", form)


def is_text_alone(markdown: str) -> bool:
    """Whether a host would show it as text: no element, address or name of a person that gitreg does not write."""
    page = cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE)
    tags = re.findall(r"</?([a-zA-Z][a-zA-Z0-9]*)", page)
    plain = re.sub(r"<(code|pre)\b.*?</\1>", "", page, flags=re.DOTALL)
    return all(map(OURS.fullmatch, tags)) and not re.search(r"@|href|onerror|<!--(?! gitreg:)", plain)


@pytest.mark.parametrize("what", REQUESTS)
def test_a_request_that_means_harm_is_told_and_does_none(repo: Path, what: str) -> None:
    request = REQUESTS[what]
    ask(repo, request.files)
    before = badinput.snapshot(repo)
    text, document, comment = plan("text"), plan("json"), plan("markdown")
    assert {text.code, document.code, comment.code} == {request.code}, (text, document.out)
    says = request.says.replace("OTHER", "the request was written for")
    assert says in text.out, text
    assert not text.err
    assert not document.err
    for done in (text, document, comment):
        assert not badinput.raw(done.out), done
        assert not request.hides or request.hides not in done.out
    found = json.loads(document.out)
    assert found["state"] == {1: "broken", 3: "pending", 4: "refused"}[request.code]
    assert is_text_alone(comment.out), comment.out
    assert all(len(done.out.encode()) < 60_000 for done in (text, comment))
    assert badinput.snapshot(repo) == before


@pytest.mark.parametrize("branch", [f"$({TOUCH})", f"`{TOUCH}`", f";{TOUCH};", "'\"|&<>", "-x", "--all", "\u202eevil"])
def test_a_branch_whose_name_a_shell_would_obey_is_a_branch(repo: Path, branch: str) -> None:
    ask(repo, file("staging: v0\n"), f"refs/heads/{branch}")
    for head in (f"refs/heads/{branch}", branch):
        done = plan("text", head)
        assert (done.code, done.err) == (3, ""), done
        assert not badinput.raw(done.out)


def test_a_tree_that_holds_itself_a_million_times_is_soon_read(repo: Path) -> None:
    def tree(lines: bytes) -> bytes:
        made = subprocess.run(["git", "mktree"], cwd=repo, input=lines, check=True, capture_output=True).stdout
        return made.strip()

    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], cwd=repo, input=b"a: v0\n", check=True, capture_output=True
    ).stdout.strip()
    inner = tree(b"".join(b"100644 blob %s\tc%d.yaml\n" % (blob, at) for at in range(10)))
    for _ in range(20):
        inner = tree(b"".join(b"040000 tree %s\tf%d\n" % (inner, at) for at in range(10)))
    settings = tree(b"040000 tree %s\taliases\n" % inner)
    workflows = tree(b"040000 tree %s\tworkflows\n" % inner)
    whole = tree(b"040000 tree %s\t.gitreg\n040000 tree %s\t.github\n" % (settings, workflows))
    commit = subprocess.run(
        ["git", "commit-tree", "-p", "main", "-m", "ask", whole], cwd=repo, check=True, capture_output=True
    ).stdout.decode()
    done = plan("text", commit.strip())
    assert done.code == 1
    assert "cannot be read" in done.out
