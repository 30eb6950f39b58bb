"""`gitreg ci init`: the workflows, owners and rules of a Git host, written into the working tree from templates."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import click

from gitreg import templates
from gitreg.cli import console, context, human
from gitreg.data import whole
from gitreg.errors import Error, RefusedError, UsageError
from gitreg.registry import mainline
from gitreg.registry.repository import Registry

_HOSTS = ("github", "gitlab", "forgejo", "shell")
# where each host looks for the owners of files, the first one counts
_OWNERS = {
    "github": (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"),
    "gitlab": ("CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"),
    "forgejo": ("CODEOWNERS", "docs/CODEOWNERS", ".forgejo/CODEOWNERS"),
}
_NEXT = {
    "github": (
        "rules: gh api repos/{owner}/{repo}/rulesets --input FILE, for each of .github/rulesets/",
        "or in the browser: Settings, Rules, Rulesets, Import a ruleset",
    ),
    "gitlab": (
        "rules: glab api projects/:id/protected_tags --method POST --input .gitlab/gitreg/protected-tag.json",
        "and .gitlab/gitreg/protected-branch.json to projects/:id/protected_branches",
        "the head of .gitlab/gitreg/gitreg.yml says which tokens the jobs need",
    ),
    "forgejo": (
        "rules: POST .forgejo/gitreg/protected-branch.json to /api/v1/repos/OWNER/REPO/branch_protections",
        "for tags and aliases, on the server: gitreg hook install --server PATH",
    ),
    "shell": ("have your CI run them: the head of each says when, and with what",),
}
_PLAIN_BRANCH = re.compile(r"[A-Za-z0-9_][\w./-]*\Z", re.ASCII)
# hosts pass over what is neither a name with an @ nor an address
_OWNER = re.compile(r"(?=.*@)[@\w][\w@.+/-]*\Z", re.ASCII)
_SHARED = {"gitlab": ".gitlab-ci.yml"}
"""A file that most repositories have one of already: it is made, and never changed."""


@click.command(
    "init",
    short_help="Write CI workflows: plan, apply, deploy, lineage, drift, training.",
    epilog=context.examples("gitreg ci init github --owner @team/reviewers", "gitreg ci init shell"),
)
@click.argument("host", type=click.Choice(_HOSTS), metavar="github|gitlab|forgejo|shell")
@click.option(
    "--owner",
    "owners",
    multiple=True,
    type=context.TEXT,
    metavar="NAME",
    help="Who must approve changes of aliases and policy, such as @team/reviewers; as often as there are.",
)
@click.option("--branch", type=context.TEXT, metavar="NAME", help="The default branch, where it is not known here.")
@click.option("--force", is_flag=True, help="Replace files that are there and differ.")
def init(host: str, owners: tuple[str, ...], branch: str | None, *, force: bool) -> None:
    """Write CI workflows: plan on a request, apply and deploy on a merge, lineage, drift, training.

    They are yours from then on: read them, change the deployment, commit them. Files that are there and differ are left
    alone, and nothing is written then. With --owner the host's file of code owners gets lines for what decides about
    aliases; the rules for branches and tags are files to give to the host, which nothing here does for you.
    """
    for owner in owners:
        if not _OWNER.match(owner):
            raise UsageError(f"'{owner}' cannot own files", hint="write --owner @team/reviewers, or an e-mail address")
    with context.opened() as registry:
        top = registry.git.worktree
        if top is None:
            raise UsageError("a bare repository has no files", hint="run it in a clone of it")
        words = {"$default-branch": _branch(registry, branch), "$gitreg-version": metadata.version("gitreg")}
    contents = _contents(host, words)
    if owners and host in _OWNERS:
        contents |= _code_owners(top, host, owners, [path for path in contents if path.endswith((".yml", ".sh"))])
    _write(top, contents, shared=_SHARED.get(host), force=force)
    for line in _NEXT[host]:
        console.say(line)
    if not owners and host in _OWNERS:
        console.say(f"owners: 'gitreg ci init {host} --owner NAME' says who must approve changes of aliases and policy")


def _branch(registry: Registry, branch: str | None) -> str:
    """The default branch, as the workflows name it. Raises: UsageError."""
    if branch is None:
        try:
            branch = mainline.short(registry).removeprefix(f"{registry.remote}/")
        except Error as error:
            raise UsageError(error.message, hint="name it: --branch main") from error
        if branch == "HEAD":
            raise UsageError("HEAD is on no branch", hint="name it: --branch main")
    if not _PLAIN_BRANCH.match(branch) or ".." in branch:
        raise UsageError(f"'{branch}' cannot be the branch of a workflow", hint="name another: --branch main")
    return branch


def _contents(host: str, words: dict[str, str]) -> dict[str, bytes]:
    """The files of a host, by their path in the repository."""
    root = templates.find(f"ci/{host}")
    found: dict[str, bytes] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            for word, value in words.items():
                text = text.replace(word, value)
            found[path.relative_to(root).as_posix()] = text.encode()
    return found


def _code_owners(top: Path, host: str, owners: tuple[str, ...], workflows: list[str]) -> dict[str, bytes]:
    """The host's file of owners with the lines that it lacks; nothing when it lacks none."""
    path = next((place for place in _OWNERS[host] if (top / place).is_file()), _OWNERS[host][0])
    file = top / path
    _check_place(top, path)
    before = file.read_bytes() if file.exists() else b""
    known = {words[0]: words[1:] for line in before.decode("utf-8", "replace").splitlines() if (words := line.split())}
    mine = [_pattern(host, place) for place in (".gitreg/", *workflows)]
    lines = [f"{place} {' '.join(owners)}\n" for place in mine if place not in known]
    others = [place for place in mine if not set(owners) <= set(known.get(place, owners))]
    if others:
        console.warn(f"{path} names other owners of {', '.join(others)}: change that there")
    gap = b"" if not before or before.endswith(b"\n") else b"\n"
    return {path: before + gap + "".join(lines).encode()} if lines else {}


def _pattern(host: str, place: str) -> str:
    """How a line about owners names a file, or all in a folder; Forgejo has regular expressions of whole paths there.

    https://docs.gitea.com/usage/repository/code-owners: a backslash would have to be two.
    """
    if host != "forgejo":
        return f"/{place}"
    return place.replace(".", "[.]") + (".*" if place.endswith("/") else "")


def _write(top: Path, contents: dict[str, bytes], *, shared: str | None, force: bool) -> None:
    """Write what is new, all or nothing. Raises: RefusedError, StorageError."""
    for path in contents:
        _check_place(top, path)
    there = {path: (top / path).read_bytes() for path in contents if (top / path).exists()}
    if shared in there:
        if there[shared] != contents[shared]:
            console.say(f"'{shared}' is there; add to it:\n{contents[shared].decode().rstrip()}")
        del contents[shared]
    new = {path: content for path, content in contents.items() if there.get(path) != content}
    differ = [path for path in new if path in there and not path.endswith("CODEOWNERS")]
    if differ and not force:
        raise RefusedError(
            f"{', '.join(map(repr, differ))}: there already, and different",
            hint="to have the new text in its place: the same with --force; 'git diff' shows what has changed then",
        )
    for path in new:
        (top / path).parent.mkdir(parents=True, exist_ok=True)
    executable = {path: content for path, content in new.items() if path.endswith(".sh")}
    whole.write_all({top / path: content for path, content in new.items() if path not in executable})
    whole.write_all({top / path: content for path, content in executable.items()}, 0o755)
    for path in new:
        console.say(f"{'changed' if path in there else 'created'} {path}")
    if not new:
        console.say(f"{human.plural(len(contents), 'file')} as they should be; nothing to do")
        return
    console.say(f"next: git add {' '.join(sorted({_group(path) for path in new}))}")


def _group(path: str) -> str:
    """What to add to the index for a file: the workflows of a folder are many."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/" if folder and name != "CODEOWNERS" else path


def _check_place(top: Path, path: str) -> None:
    """A link in a repository may lead out of it. Raises: RefusedError."""
    place = top
    for part in Path(path).parts:
        place /= part
        if place.is_symlink():
            raise RefusedError(
                f"'{place.relative_to(top)}' is a link, through which nothing is written",
                hint="put a folder or file in its place, and run it again",
            )
