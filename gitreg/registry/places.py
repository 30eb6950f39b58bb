"""Where an output of DVC's may lie in the user's own tree, and what git has to know of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from gitreg.data.config import Project, is_project
from gitreg.data.hashing import refusals
from gitreg.errors import NotARepositoryError, RefusedError, UsageError
from gitreg.records.plain import visible
from gitreg.registry.repository import Registry

END = ".dvc"
# What would be a pattern in a .gitignore; a space counts at the end of a line.
_PATTERN = re.compile(r"([\\*?\[\]]| (?=\Z))")


@dataclass(frozen=True, slots=True)
class Place:
    """An output and its `.dvc` file: `output` in `folder`, in the worktree `top`; all of them real paths."""

    folder: Path
    output: str
    top: Path

    @property
    def path(self) -> Path:
        """The output itself."""
        return self.folder / self.output

    @property
    def pointer(self) -> Path:
        """Its `.dvc` file."""
        return self.folder / (self.output + END)

    @property
    def name(self) -> str:
        """The output's path in the worktree."""
        return self.path.relative_to(self.top).as_posix()

    @property
    def above(self) -> list[Path]:
        """The folders between the worktree and the output, the innermost first."""
        return [parent for parent in self.path.parents if parent != self.top and parent.is_relative_to(self.top)]


def worktree(registry: Registry) -> Path:
    """The root of the worktree, as a real path. Raises: NotARepositoryError in a bare repository."""
    if registry.git.worktree is None:
        raise NotARepositoryError("a bare repository has no files to pin", hint="run it in a clone: git clone PATH")
    return Path(os.path.realpath(registry.git.worktree))


def place(registry: Registry, path: Path) -> Place:
    """The place of an output, or of the `.dvc` file of one; folders that are links are followed.

    Raises: UsageError where no output can be, NotARepositoryError in a bare repository.
    """
    top = worktree(registry)
    path = Path(os.path.normpath(path))
    # of the last part no link is followed: the output takes its place
    folder = Path(os.path.realpath(path.parent))
    found = Place(folder, path.name if path.name == END else path.name.removesuffix(END), top)
    if not folder.is_relative_to(top):
        raise UsageError(f"'{path}' is outside the repository '{top}'", hint="a pin belongs to the tree that ships it")
    if visible(found.output) != found.output:
        raise UsageError(f"{found.output!r} cannot be in a .gitignore", hint="choose a name that can be read")
    if {".git", END} & {part.lower() for part in found.path.relative_to(top).parts}:
        raise UsageError(f"'{found.name}' is in a folder of Git's or DVC's own", hint="choose another path")
    for parent in (found.path, *found.above):
        if os.path.lexists(parent / ".git"):
            inner = parent.relative_to(top)
            raise UsageError(f"'{inner}' is another repository", hint=f"work there: gitreg -C {inner} pin REF PATH")
    return found


def dvc_files(registry: Registry) -> list[Place]:
    """The outputs of the `.dvc` files in the worktree, but for links and what git ignores, by path."""
    top = worktree(registry)
    listed = registry.git.run("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", f"*{END}")
    files = [top / name for name in sorted(set(os.fsdecode(listed).split("\0")[:-1]))]
    return [Place(file.parent, file.name.removesuffix(END), top) for file in files if not file.is_symlink()]


def project(registry: Registry, spot: Place) -> Project:
    """The DVC project that DVC takes the output for: the nearest one above it. Raises: NotARepositoryError."""
    for folder in spot.above:
        if is_project(folder):
            return Project(folder, folder)
    return registry.project


def check_free(registry: Registry, spot: Place) -> None:
    """Raises: RefusedError where git or DVC has something in the output's place, or it is a link."""
    if spot.path.is_symlink():
        raise RefusedError(f"'{spot.name}' is a link, and 'dvc pull' would replace it", hint="choose another path")
    if registry.git.run("ls-files", "-z", "--", f":(top,literal){spot.name}"):
        raise RefusedError(f"'{spot.name}' is tracked by Git", hint=f"git rm -r --cached '{spot.name}', then again")
    for parent in spot.above:
        if os.path.lexists(f"{parent}{END}"):
            inside = parent.relative_to(spot.top)
            raise RefusedError(f"'{inside}' is DVC's, and so is what is in it", hint="choose a path outside of it")


def is_clean(registry: Registry, spot: Place) -> bool:
    """Whether git's index has the `.dvc` file as it is."""
    pattern = f":(top,literal){spot.name}{END}"
    return not registry.git.run("ls-files", "-z", "--modified", "--others", "--", pattern)


def ignoring(registry: Registry, spot: Place) -> bytes | None:
    """The `.gitignore` beside the output with a line for it, as `dvc add` writes it; None when git ignores it already.

    Raises: RefusedError when git ignores the `.dvc` file too, or does not read that `.gitignore`.
    """
    # a rule for folders applies to what is written as one
    names = (spot.name, f"{spot.name}/", f"{spot.name}{END}")
    told = registry.git.run(
        "check-ignore", "-z", "--stdin", stdin="".join(f"{name}\0" for name in names).encode(), ok=(0, 1)
    )
    ignored = os.fsdecode(told).split("\0")[:-1]
    if names[-1] in ignored:
        raise RefusedError(f"Git ignores '{names[-1]}'", hint=f"git check-ignore -v '{names[-1]}' says why")
    if ignored:
        return None
    file = spot.folder / ".gitignore"
    if file.is_symlink():
        raise RefusedError(f"'{file.relative_to(spot.top)}' is a link, which Git does not read", hint="make it a file")
    with refusals(f"'{file}' cannot be read"):
        content = file.read_bytes() if file.exists() else b""
    line = _PATTERN.sub(r"\\\1", f"/{spot.output}")
    return content + (b"\n" if content[-1:] not in (b"", b"\n") else b"") + f"{line}\n".encode()
