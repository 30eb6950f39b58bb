"""`gitreg demo`: checks what the demo needs, and runs its shell script in a new folder.

All that happens then is in `templates/demo/`, in files that a user can read and copy; this module only starts them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import click

from gitreg import templates
from gitreg.cli import context
from gitreg.errors import Error, UsageError

_PROGRAMS = ("sh", "git", "sha256sum", "python3", "gitreg")
_MODULES = ("numpy", "sklearn")

# The demo is a project of its own: it must not write into the repository or the run that it was started from. Identity
# and configuration of the user stay.
_FOREIGN = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE"}


@click.command("demo", epilog=context.examples("gitreg demo", "gitreg demo build/demo"))
@click.argument("directory", type=context.Place(), default=Path("gitreg-demo"), metavar="[DIR]")
def demo(directory: Path) -> None:
    """Run the whole story in a new folder.

    Makes a Git server, a storage and a clone in DIR (default: gitreg-demo), logs a dataset, trains two real models,
    promotes the better one, publishes it with 'git push', and uses it from a second clone. Each step is shown with the
    command that does it by hand. Nothing outside DIR is touched.
    """
    script = templates.find("demo/demo.sh")
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"'{directory}' exists and is not an empty folder", hint="name a new folder: gitreg demo DIR")
    environment = _environment()
    _check(environment["PATH"])
    directory.mkdir(parents=True, exist_ok=True)
    status = subprocess.run(["sh", str(script), str(directory)], env=environment, check=False).returncode
    if status:
        raise Error(
            f"the demo stopped with exit code {status}",
            hint=f"the failed command is the last one above, in '{directory}'",
        )


def _environment() -> dict[str, str]:
    """Make the script's environment: this Python and its scripts first, nothing of a repository or run around it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _FOREIGN and not name.startswith(("GITREG_", "WANDB_"))
    }
    places = [str(Path(sys.executable).parent), sysconfig.get_path("scripts"), str(Path(sys.argv[0]).absolute().parent)]
    return kept | {"PATH": os.pathsep.join([*places, kept.get("PATH", os.defpath)])}


def _check(path: str) -> None:
    """Refuse to start what could not be finished. Raises: Error that names all that is missing."""
    modules = [name for name in _MODULES if find_spec(name) is None]
    if modules:
        raise Error(f"the demo trains real models and needs {' and '.join(modules)}", hint="pip install 'gitreg[demo]'")
    programs = [name for name in _PROGRAMS if shutil.which(name, path=path) is None]
    if programs:
        raise Error(f"the demo needs {', '.join(programs)} on PATH", hint="install them and run 'gitreg demo' again")
