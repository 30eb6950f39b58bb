"""A machine that jobs are run on, and a host with the example of the pages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from actions import Tools

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """A Python that has all libraries and no gitreg, and gitreg as a wheel: what `pip install gitreg` needs offline."""
    place = tmp_path_factory.mktemp("tools")
    libraries = place / "libraries"
    libraries.mkdir()
    for folder in (Path(entry) for entry in sys.path if "site-packages" in entry):
        for item in folder.iterdir():
            if "gitreg" not in item.name and not (libraries / item.name).exists():
                (libraries / item.name).symlink_to(item)
    _run(sys.executable, "-m", "venv", "--without-pip", place / "python")
    binaries = place / "python" / "bin"
    packages = next((place / "python" / "lib").glob("python3.*/site-packages"))
    (packages / "libraries.pth").write_text(f"{libraries}\n")
    (binaries / "pip").write_text(
        f"#!{binaries}/python\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
    )
    (binaries / "pip").chmod(0o755)
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place / "wheels")
    return Tools(binaries, place / "wheels")


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
