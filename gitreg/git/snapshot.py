"""Captures the code of a run: HEAD's commit, or a commit of what lies in the working tree on top of it.

Nothing of the user's is touched: paths are staged in a private copy of the index, and no ref is written here. A new
commit is safe from `git gc` for as long as the caller takes to make one.
Which files count as code is decided here; whether a snapshot is wanted is the caller's business.
"""

from __future__ import annotations

import contextlib
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from gitreg.errors import Error, GitError
from gitreg.git.objects import Objects
from gitreg.git.quarantine import Quarantine
from gitreg.git.runner import Git
from gitreg.records.objects import EMPTY_TREE, Commit, Identity, Oid
from gitreg.records.records import Code

MAX_UNTRACKED = 1 << 20
"""An untracked file above this size in bytes is data, whatever its name."""

_PROGRAMS = (
    ".py .pyi .pyx .pxd .ipynb .r .rmd .qmd .jl .lua .m .mojo .scala .java .kt .go .rs .swift .zig .cs .php .pl .rb"
    " .c .cc .cpp .cxx .cu .cuh .h .hh .hpp .cl .metal .f .f90 .js .jsx .mjs .cjs .ts .tsx .vue .proto .sql"
)
_SCRIPTS = ".sh .bash .zsh .fish .ps1 .bat .cmd .mk .cmake .slurm .sbatch .nix .tf .dockerfile"
# .dvc and .lock say which data and packages were used. Text files are more often data than not.
_SETTINGS = ".yaml .yml .toml .json .jsonnet .libsonnet .cfg .ini .conf .hcl .gin .j2 .jinja .tmpl .dvc .lock .md .rst"
_NAMES = (
    "makefile gnumakefile dockerfile containerfile justfile rakefile gemfile procfile snakefile jenkinsfile pipfile"
    " .gitignore .gitattributes .dvcignore .python-version .tool-versions"
)

SOURCE_SUFFIXES = frozenset(f"{_PROGRAMS} {_SCRIPTS} {_SETTINGS}".split())
"""Untracked files with these endings, in any case, are code."""

SOURCE_NAMES = frozenset(_NAMES.split())
"""Untracked files with these names (before a first dot that is not at the start, in any case) are code."""

# What tools put beside the code: an environment that nobody ignored would add 10,000 files.
_SKIPPED_FOLDERS = frozenset({"site-packages", "node_modules", "__pycache__", ".ipynb_checkpoints"})
# Snapshots are published with the models, so an untracked file that says it is secret stays here. Programs may
# have such a name; data and configuration would hold the secret itself.
_SECRET_WORDS = ("secret", "credential", "passw", "service-account", "service_account", "private_key", "private-key")
_SECRET_SUFFIXES = frozenset({".json", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".conf", ".txt", ".tf", ".hcl"})

_STATUS = (
    "status",
    "--porcelain=v2",
    "-z",
    "--branch",
    "--no-ahead-behind",
    "--untracked-files=all",
    "--no-renames",
    # a submodule's own commit counts, what was edited in it does not: git would start a process in each
    "--ignore-submodules=dirty",
)
_PINS = (
    # `true` makes staging a file with mixed line endings fatal
    "-c",
    "core.safecrlf=false",
    # a split index would write a shared part into the user's git directory
    "-c",
    "core.splitIndex=false",
)
# Objects on which these depend, which no ref needs, a `git gc` may take in between.
_DISTURBED = frozenset({"write-tree", "pack-objects", "unpack-objects"})
_TRIES = 10


@dataclass(frozen=True, slots=True)
class _Status:
    """What `git status` says.

    Attributes:
        head: HEAD's commit, None before the first one.
        changed: tracked paths whose content in the working tree is not the index's.
        gone: tracked paths that are not in the working tree.
        staged: True when the index differs from HEAD.
        untracked: paths that git neither tracks nor ignores.
    """

    head: Oid | None
    changed: tuple[bytes, ...]
    gone: tuple[bytes, ...]
    staged: bool
    untracked: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Capture:
    """The code of a run.

    Attributes:
        code: what the record says.
        hold: makes sure that the commit is there, after git did not find it when it made the ref.
    """

    code: Code
    hold: Callable[[], None]


@contextlib.contextmanager
def captured(git: Git, objects: Objects, *, snapshot: bool = True) -> Iterator[Capture]:
    """HEAD's commit, or a snapshot commit when the working tree holds code that HEAD does not.

    A snapshot's parent is HEAD; its tree is HEAD's with the changes to tracked files, staged or not, and with the
    untracked, not ignored source files of up to `MAX_UNTRACKED` bytes. It is on no ref, and no `git gc` makes it
    incomplete when the block makes one. Before a repository's first commit it is made in any case, without a parent.
    With `snapshot=False` the working tree is not looked at.

    When a snapshot cannot be made, the answer is HEAD's commit (or an empty one) and `error` holds the reason.
    Raises: Error only when there is no commit to start from and none can be written.
    """
    with contextlib.ExitStack() as stack:
        yield _captured(git, objects, stack, snapshot=snapshot)


def _captured(git: Git, objects: Objects, stack: contextlib.ExitStack, *, snapshot: bool) -> Capture:
    words = ""
    if snapshot and git.worktree is not None:
        try:
            return _patiently(partial(_capture, git, objects, git.worktree, stack))
        except (Error, OSError, ValueError) as error:
            words = _one_line(str(error))
    head = _head(git)
    if head is not None:
        return Capture(Code(head, snapshot=False, error=words), _nothing)
    made = _patiently(lambda: _commit(git, stack.enter_context(Quarantine.opened(git, objects)), EMPTY_TREE, None))
    return Capture(Code(made.code.commit, snapshot=True, error=words), made.hold)


def _nothing() -> None:
    """HEAD needs no protection."""


def _patiently(work: Callable[[], Capture], tries: int = _TRIES) -> Capture:
    """Do it again for as long as objects vanish that were there before, without a ref, and so were not written."""
    try:
        return work()
    except GitError as error:
        if tries == 1 or error.argv[0] not in _DISTURBED:
            raise
    return _patiently(work, tries - 1)


def is_source(path: str) -> bool:
    """Whether an untracked file is code by its name."""
    *folders, name = path.lower().split("/")
    if not _SKIPPED_FOLDERS.isdisjoint(folders):
        return False
    suffix = PurePosixPath(name).suffix
    if suffix in _SECRET_SUFFIXES and any(word in name for word in _SECRET_WORDS):
        return False
    if name.startswith(("requirements", "constraints", "cmakelists")):
        return True
    stem = name[:1] + name[1:].partition(".")[0]
    return suffix in SOURCE_SUFFIXES or stem in SOURCE_NAMES


def _capture(git: Git, objects: Objects, worktree: Path, stack: contextlib.ExitStack) -> Capture:
    status = _parse(git.run(*_STATUS, pin=_PINS))
    sources = tuple(_sources(status.untracked, worktree))
    if status.head and not (status.staged or status.changed or status.gone or sources):
        return Capture(Code(status.head, snapshot=False), _nothing)
    with contextlib.ExitStack() as attempt:
        aside = attempt.enter_context(Quarantine.opened(git, objects))
        tree = _stage(git, aside, gone=status.gone, present=(*status.changed, *sources))
        if status.head and objects.commit(status.head).tree == tree:
            # staged and taken back, or only line endings
            return Capture(Code(status.head, snapshot=False), _nothing)
        made = _commit(git, aside, tree, status.head)
        stack.push(attempt.pop_all())
        return made


def _stage(git: Git, aside: Quarantine, *, gone: tuple[bytes, ...], present: tuple[bytes, ...]) -> Oid:
    """The tree of the index with these paths as they are in the working tree."""
    index = Path(git.text("rev-parse", "--path-format=absolute", "--git-path", "index"))
    copy = aside.folder / "index"
    if index.exists():
        # copy2 keeps the mtime: git compares it with the files', and without it misses edits of the same second
        shutil.copy2(index, copy)
    env = {"GIT_INDEX_FILE": str(copy), **aside.env}
    pin = (*_PINS, *aside.pin)
    if gone:
        # Not `--remove`: it refuses a file whose folder has become a symbolic link.
        lines = b"".join(b"0 %s\t%s\0" % (b"0" * 40, path) for path in gone)
        git.run("update-index", "-z", "--index-info", stdin=lines, env=env, pin=pin)
    if present:
        paths = b"".join(path + b"\0" for path in present)
        git.run("update-index", "--add", "--remove", "-z", "--stdin", stdin=paths, env=env, pin=pin)
    return Oid.parse(git.run("write-tree", env=env, pin=pin).decode().strip())


def _commit(git: Git, aside: Quarantine, tree: Oid, head: Oid | None) -> Capture:
    identity = Identity(git.identity())
    where = f"on {head.short}" if head else "before the first commit"
    message = f"snapshot of uncommitted changes {where}\n"
    if tree == EMPTY_TREE:
        # git knows the empty tree without having it; `git fsck` and other readers want to see it
        aside.write(("tree", b""))
    oid = aside.bring_in(Commit(tree, (head,) if head else (), identity, identity, message))
    return Capture(Code(oid, snapshot=True), aside.hold)


def _head(git: Git) -> Oid | None:
    result = git.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    return Oid.parse(result.stdout.decode().strip()) if result.status == 0 else None


def _parse(output: bytes) -> _Status:
    """Read `git status --porcelain=v2 -z`; its form is in git-status(1), "Porcelain Format Version 2"."""
    head: Oid | None = None
    staged = False
    changed: list[bytes] = []
    gone: list[bytes] = []
    untracked: list[bytes] = []
    for record in output.split(b"\0"):
        kind = record[:2]
        if record.startswith(b"# branch.oid "):
            oid = record[13:].decode()
            head = None if oid == "(initial)" else Oid.parse(oid)
        elif kind == b"? ":
            untracked.append(record[2:])
        elif kind == b"1 ":
            _, xy, _, _, _, mode, _, _, path = record.split(b" ", 8)
            staged = staged or xy[:1] != b"."
            if xy[1:] != b".":
                (changed if int(mode, 8) else gone).append(path)
        elif kind == b"u ":
            # the working tree has what ran, markers included
            *_, mode, _, _, _, path = record.split(b" ", 10)
            (changed if int(mode, 8) else gone).append(path)
        elif record and kind != b"# ":
            raise ValueError(f"git status printed {record[:40]!r}")
    return _Status(head, tuple(changed), tuple(gone), staged, tuple(untracked))


def _sources(untracked: tuple[bytes, ...], worktree: Path) -> Iterator[bytes]:
    """Of the untracked paths those that are code: regular files and symbolic links, by name and size."""
    for raw in untracked:
        path = raw.decode("utf-8", "surrogateescape")
        # another repository's folder ends with a slash
        if path.endswith("/") or not is_source(path):
            continue
        try:
            info = (worktree / path).lstat()
        except FileNotFoundError:
            continue  # an editor's temporary file
        if (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)) and info.st_size <= MAX_UNTRACKED:
            yield raw


def _one_line(words: str) -> str:
    """Words on one line without control characters, short enough for a record."""
    return " ".join("".join(c if c.isprintable() else " " for c in words).split())[:500]
