"""The directory is the diagram: arrows point downward, and each door to the outside is in one place."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "gitreg"

# From the bottom up. A module imports from its own unit and from lower rows, never from a neighbour in its row.
# `templates` looks up files that gitreg ships; `gitreg/__init__.py` hands out what the SDK offers.
ROWS = (
    ("errors",),
    ("templates", "progress"),
    ("records",),
    ("git", "data"),
    ("registry",),
    ("lineage", "promotion", "health"),
    ("sdk",),
    ("integration", "hosts"),
    ("__init__",),
    ("cli",),
    ("__main__",),
)
RANK = {unit: rank for rank, row in enumerate(ROWS) for unit in row}

# Who may import these libraries.
DOORS = {
    "git": {"git"},
    "gitdb": {"git"},
    "dvc": {"data"},
    "dvc_data": {"data"},
    "dvc_objects": {"data"},
    "fsspec": {"data"},
    "github": {"hosts"},
    "gitlab": {"hosts"},
    "click": {"cli"},
    "graphviz": {"lineage"},
    "keras": {"integration"},
    "lightning": {"integration"},
    "pytorch_lightning": {"integration"},
    "requests": {"hosts"},
    "rich": {"cli"},
    "sklearn": {"integration"},
    "skops": {"integration"},
    "tensorflow": set(),
    "transformers": {"integration"},
}

# Who may start processes, and why.
STARTERS = {
    "gitreg/lineage/raster.py": "makes PNG and PDF with librsvg's rsvg-convert",
    "gitreg/cli/demo.py": "runs the demo's shell script",
    "gitreg/cli/pager.py": "starts the user's pager",
    "gitreg/cli/parent.py": "asks ps for a process's arguments where there is no /proc",
    "gitreg/cli/run.py": "runs the user's command inside a run",
    "gitreg/git/": "starts git",
}

# Who may print and end the process, and who may read the environment; why.
SPEAKERS = {
    "gitreg/cli/": "the command line",
    "gitreg/__main__.py": "starts the command line",
}
EXIT_WATCHERS = {"gitreg/sdk/session.py": "wraps sys.exit, to know how the process ends"}
ENVIRONMENT_READERS = {
    **SPEAKERS,
    "gitreg/data/config.py": "DVC_GLOBAL_CONFIG_DIR and DVC_SYSTEM_CONFIG_DIR say where DVC's configuration lies",
    "gitreg/sdk/environment.py": "GITREG_* is how `gitreg run` and CI jobs speak to the `init()` of a script",
}

# gitreg never imports, unpickles or executes a model.
UNPICKLERS = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "torch"}

HEAVY = {"dvc", "dvc_data", "dvc_objects", "numpy", "graphviz", "git", "pandas", "pyarrow", "PIL", "sklearn"}
HEAVY |= {"github", "gitlab", "keras", "lightning", "requests", "tensorflow", "transformers"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def unit_of(path: Path) -> str:
    """The row entry that a module of gitreg belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import, also those in functions and under TYPE_CHECKING."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            assert node.module is not None
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def target_unit(name: str) -> str:
    """The row entry that an import of gitreg reaches; `gitreg` itself and what is read off it is `__init__`."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in RANK else "__init__"


def upward(unit: str, tree: ast.AST) -> list[str]:
    """The imports of gitreg that a module in `unit` must not have, each as 'line: name'."""
    found = []
    for line, name in imports(tree):
        if name.split(".")[0] != "gitreg":
            continue
        target = target_unit(name)
        if target != unit and RANK[target] >= RANK[unit]:
            found.append(f"{line}: {name}")
    return found


def starts_processes(tree: ast.AST) -> list[int]:
    """Lines that import `subprocess` or `multiprocessing`, or use the functions of `os` that start something."""
    lines = [line for line, name in imports(tree) if name.split(".")[0] in {"subprocess", "multiprocessing", "pty"}]
    starts = ("system", "popen", "exec", "spawn", "posix_spawn", "fork", "startfile")
    lines += [line for line, attribute in of_module(tree, "os") if attribute.startswith(starts)]
    return lines


def of_module(tree: ast.AST, module: str) -> Iterator[tuple[int, str]]:
    """Line and name of everything used as `module.name` or imported from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module:
            yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom) and node.module == module:
            yield from ((node.lineno, alias.name) for alias in node.names)


def speaks(tree: ast.AST) -> list[str]:
    """Uses of the terminal and of the exit code, each as 'line: what'."""
    found = [
        f"{node.lineno}: {node.func.id}()"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"print", "input", "exit", "quit"}
    ]
    found += [
        f"{node.lineno}: SystemExit"
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and "SystemExit" in ast.dump(node)
    ]
    found += [f"{line}: sys.{name}" for line, name in of_module(tree, "sys") if name in {"exit", "stdout", "stderr"}]
    return found + [f"{line}: os.{name}" for line, name in of_module(tree, "os") if name == "_exit"]


def reads_environment(tree: ast.AST) -> list[int]:
    """Lines that use the process's environment."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    return [line for line, name in of_module(tree, "os") if name in names]


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), str(path))


@pytest.mark.parametrize("path", modules(), ids=shown)
class TestEveryModule:
    def test_belongs_to_a_layer(self, path: Path) -> None:
        assert unit_of(path) in RANK

    def test_imports_from_lower_layers_only(self, path: Path) -> None:
        assert upward(unit_of(path), parsed(path)) == []

    def test_leaves_each_library_to_the_layer_that_wraps_it(self, path: Path) -> None:
        used = {name.split(".")[0] for _, name in imports(parsed(path))}
        assert {name for name in used & DOORS.keys() if unit_of(path) not in DOORS[name]} == set()

    def test_starts_no_process_unless_that_is_its_job(self, path: Path) -> None:
        if not shown(path).startswith(tuple(STARTERS)):
            assert starts_processes(parsed(path)) == []

    def test_leaves_terminal_and_exit_code_to_the_command_line(self, path: Path) -> None:
        if not shown(path).startswith(tuple(SPEAKERS)):
            watched = ": sys.exit" if shown(path) in EXIT_WATCHERS else None
            assert [use for use in speaks(parsed(path)) if not watched or not use.endswith(watched)] == []

    def test_reads_no_environment_unless_that_is_its_job(self, path: Path) -> None:
        if not shown(path).startswith(tuple(ENVIRONMENT_READERS)):
            assert reads_environment(parsed(path)) == []

    def test_cannot_load_a_pickled_model(self, path: Path) -> None:
        assert {name.split(".")[0] for _, name in imports(parsed(path))} & UNPICKLERS == set()

    def test_has_at_most_500_lines(self, path: Path) -> None:
        assert len(path.read_bytes().splitlines()) <= 500


@pytest.mark.parametrize(
    ("unit", "source", "refused"),
    [
        ("git", "from gitreg.records import names", []),
        ("git", "import gitreg.git.runner", []),
        ("git", "import gitreg.data.cache", ["1: gitreg.data.cache"]),
        ("data", "from gitreg.git import runner", ["1: gitreg.git.runner"]),
        ("records", "from gitreg import errors", []),
        ("records", "from gitreg import registry", ["1: gitreg.registry"]),
        ("registry", "def f():\n    from gitreg.sdk import run", ["2: gitreg.sdk.run"]),
        ("registry", "import gitreg", ["1: gitreg"]),
        ("lineage", "if TYPE_CHECKING:\n    from gitreg.cli.main import main", ["2: gitreg.cli.main.main"]),
        ("sdk", "from gitreg import init", ["1: gitreg.init"]),
        ("cli", "from gitreg import init", []),
    ],
)
def test_an_upward_arrow_is_seen_wherever_it_stands(unit: str, source: str, refused: list[str]) -> None:
    assert upward(unit, ast.parse(source)) == refused


@pytest.mark.parametrize(
    "source",
    ["import subprocess", "from subprocess import run", "import os\nos.execvp('git', [])", "from os import system"],
)
def test_a_started_process_is_seen(source: str) -> None:
    assert starts_processes(ast.parse(source))


@pytest.mark.parametrize(
    "source", ["print(1)", "import sys\nsys.exit(1)", "raise SystemExit(1)", "import sys\nsys.stdout.write('x')"]
)
def test_speech_is_seen(source: str) -> None:
    assert speaks(ast.parse(source))


@pytest.mark.parametrize("source", ["import os\nos.environ['HOME']", "from os import getenv"])
def test_a_look_at_the_environment_is_seen(source: str) -> None:
    assert reads_environment(ast.parse(source))


def test_the_library_and_the_help_text_load_nothing_heavy(tmp_path: Path) -> None:
    report = "import json, sys; json.dump(sorted({n.split('.')[0] for n in sys.modules}), sys.stderr)"
    library = f"import gitreg\n{report}"
    command = (
        "import sys\nsys.argv = ['gitreg', '--help']\nfrom gitreg.cli.main import main\n"
        f"try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n{report}"
    )
    for script in (library, command):
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        assert set(json.loads(done.stderr)) & HEAVY == set(), script
