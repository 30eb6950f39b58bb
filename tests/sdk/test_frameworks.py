"""What gitreg is without the training frameworks; with them `make test-frameworks` tries it."""

from __future__ import annotations

import subprocess
import sys

import pytest

FRAMEWORKS = {
    "keras": ["keras"],
    "sklearn": ["sklearn"],
    "lightning": ["lightning", "pytorch_lightning"],
    "transformers": ["transformers"],
}
MODULES = {"transformers": "huggingface"}


@pytest.mark.parametrize("extra", FRAMEWORKS)
def test_one_that_is_not_installed_is_named_with_its_extra(extra: str) -> None:
    # whether or not it is installed here, this process cannot import it
    script = (
        f"import sys\nfor name in {FRAMEWORKS[extra]}:\n    sys.modules[name] = None\n"
        "from gitreg.errors import MissingExtraError\n"
        f"try:\n    import gitreg.integration.{MODULES.get(extra, extra)}\n"
        "except MissingExtraError as error:\n    print(error, error.hint, isinstance(error, ImportError), sep='; ')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == f"'{FRAMEWORKS[extra][0]}' is not installed; pip install 'gitreg[{extra}]'; True\n"


def test_what_the_integrations_offer_is_loaded_only_by_name() -> None:
    script = (
        "import sys, gitreg, gitreg.integration; print([n for n in sys.modules if n.startswith('gitreg.integration.')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
