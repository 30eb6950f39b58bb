"""The names of refs and nothing else, for who cannot wait until GitPython is imported: the completion of a shell."""

from __future__ import annotations

import subprocess
from pathlib import Path


def ref_names(directory: Path, *patterns: str, living: bool = False) -> list[str]:
    """The refs that match `for-each-ref` patterns, by name; none where there is no repository.

    With `living` those of commits with an empty tree are left out, as an alias's is when it has been removed.
    """
    # a commit that a partial clone lacks is not asked for over the network
    argv = ["git", "--no-pager", "-c", "protocol.allow=never", "for-each-ref"]
    form = "--format=%(refname) %(tree)" if living else "--format=%(refname)"
    try:
        done = subprocess.run(
            [*argv, form, *patterns], cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError:
        return []
    lines = done.stdout.decode("utf-8", "replace").split("\n")[:-1]
    return [name for name, _, tree in (line.partition(" ") for line in lines) if tree != _EMPTY]


_EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
