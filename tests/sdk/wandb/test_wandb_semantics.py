"""What W&B's SDK does, a row a fact, and ours with the same words.

Read off and run against wandb 0.31.0, without a server. Where ours differs on purpose the row says why. What takes a
story rather than a row is tested elsewhere: see `ELSEWHERE`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import wandb_artifacts
import wandb_media
import wandb_registry
import wandb_runs
from wandb_scene import Fact, Raises, Scene, make

from gitreg.sdk import session

pytestmark = pytest.mark.xdist_group("wandb-semantics")  # one worker makes the repository, once

TESTS = Path(__file__).resolve().parent.parent.parent

FACTS = {
    "logged": wandb_artifacts.LOGGED,
    "references": wandb_artifacts.REFERENCES,
    "tables": wandb_media.TABLES,
    "images": wandb_media.IMAGES,
    "environment": wandb_runs.ENVIRONMENT,
    "digests": wandb_artifacts.DIGESTS,
    "names": wandb_artifacts.NAMES,
    "ids": wandb_runs.IDS,
    "types": wandb_artifacts.TYPES,
    "metadata": wandb_artifacts.METADATA,
    "paths": wandb_registry.PATHS,
    "log": wandb_runs.LOG,
    "config": wandb_runs.CONFIG,
    "runs": wandb_runs.RUNS,
    "module": wandb_runs.MODULE,
    "artifacts": wandb_artifacts.ARTIFACTS,
    "use": wandb_registry.USE,
    "links": wandb_registry.LINKS,
    "api": wandb_registry.API,
}


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("semantics") / "repo"


@pytest.fixture
def scene(_made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    if not _made.exists():
        make(_made)
    monkeypatch.chdir(_made)
    shutil.rmtree(_made / "artifacts", ignore_errors=True)
    found = Scene(_made)
    yield found
    for run in list(session._session.open):
        run.finish(exit_code=1)


@pytest.mark.parametrize(
    "fact",
    [pytest.param(fact, id=f"{about}: {fact.says}") for about, facts in FACTS.items() for fact in facts],
)
def test_the_fact_holds(scene: Scene, fact: Fact) -> None:
    if isinstance(fact.gives, Raises):
        with pytest.raises(fact.gives.kinds[0], match=fact.gives.words) as caught:
            fact.does(scene)
        for kind in fact.gives.kinds:
            assert isinstance(caught.value, kind)
    else:
        assert fact.does(scene) == fact.gives


# Facts that take a story, or more than these tests have installed: where each is told.
ELSEWHERE = {
    "the tutorial runs": "tutorial/test_tutorial.py: test_leaves_three_runs_with_what_they_did",
    "and makes the model that is asked for": (
        "tutorial/test_tutorial.py: test_leaves_a_dataset_a_model_and_a_registered_model"
    ),
    "without name= what there is is said": (
        "tutorial/test_tutorial.py: test_without_a_name_the_model_is_not_found_and_the_error_says_what_there_is"
    ),
    "the example on lineage": "tutorial/test_tutorial.py: test_the_example_of_the_page_on_model_lineage",
    "7,000 images are a few files": "tutorial/test_tutorial.py: test_keeps_the_dataset_in_a_few_small_files",
    "the first step again makes no v1": (
        "tutorial/test_tutorial.py: test_the_whole_tutorial_again_makes_a_model_and_no_dataset"
    ),
    "WandbMetricsLogger": "integration/test_keras.py: test_logs_each_epoch_with_its_metrics_and_learning_rate",
    "WandbMetricsLogger by batch": "integration/test_keras.py: test_logs_every_batch_and_counts_them_over_the_epochs",
    "WandbModelCheckpoint": "integration/test_keras.py: test_logs_each_epoch_s_model_with_an_alias_and_its_metrics",
    "WandbCallback finds the validation set": (
        "integration/test_keras.py: test_are_those_of_the_trained_model_for_the_arrays_that_fit_validates_with"
    ),
    "every backend of Keras": "integration/test_keras.py: test_every_backend_leaves_the_same",
    "in a notebook a second init finishes the first run": (
        "sdk/test_notebook.py: test_a_second_init_finishes_the_run_before"
    ),
    "every variable of the environment": "sdk/test_init.py: test_fills_in_what_the_call_leaves_out",
    "of distributed processes one writes": "sdk/test_ranks.py: test_one_run_is_recorded",
    "'with' marks a run failed": "sdk/test_run.py: test_with_marks_a_run_failed_and_lets_the_exception_through",
    "a lower step is warned about": "sdk/test_run.py: test_a_lower_step_is_dropped_with_a_warning",
    "all else becomes plain": "sdk/test_values.py: test_values_become_what_a_record_can_hold",
    "figures of matplotlib": "sdk/media/test_image.py: test_figures_of_matplotlib",
    "get reads one column": "sdk/media/test_fetching.py: test_only_what_is_asked_for_is_fetched",
    "what W&B refuses offline": "e2e/test_no_network.py: test_what_wandb_refuses_offline_works_without_a_network",
    "import is quick": "sdk/test_module.py: test_import_loads_only_itself",
}


@pytest.mark.parametrize("fact", ELSEWHERE)
def test_the_story_is_told_elsewhere(fact: str) -> None:
    path, _, name = ELSEWHERE[fact].partition(": ")
    assert f"def {name}(" in (TESTS / path).read_text(encoding="utf-8")
