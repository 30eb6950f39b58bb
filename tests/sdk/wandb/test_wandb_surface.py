"""W&B's names: arguments, methods and errors, as whoever comes from there writes them."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import gitreg
from gitreg import errors

# W&B's signatures: the names in their order, with the defaults that are not None.
SIGNATURES = {
    "init": (
        "entity project dir id name notes tags config allow_val_change group job_type mode reinit resume save_code"
        " settings"
    ),
    "finish": "exit_code",
    "Run.log": "data step commit",
    "Run.log_artifact": "artifact_or_path name type aliases tags",
    "Run.use_artifact": "artifact_or_name type aliases use_as",
    "Run.link_artifact": "artifact target_path aliases",
    "Run.log_model": "path name aliases",
    "Run.use_model": "name",
    "Run.link_model": "path registered_model_name name aliases",
    "Run.finish": "exit_code",
    "Artifact": "name type description metadata",
    "Artifact.add_file": "local_path name overwrite=False",
    "Artifact.add_dir": "local_path name",
    "Artifact.new_file": "name mode='x'",
    "Artifact.download": "root path_prefix",
    "Artifact.add": "obj name",
    "Artifact.add_reference": "uri name checksum=True max_objects",
    "Artifact.checkout": "root",
    "Artifact.delete": "delete_aliases=False",
    "Artifact.link": "target_path aliases",
    "Artifact.new_draft": "",
    "Artifact.unlink": "",
    "Artifact.verify": "root",
    "Artifact.get": "name",
    "Artifact.get_entry": "name",
    "Table": "columns data dataframe",
    "Table.add_column": "name data",
    "Table.add_computed_columns": "fn",
    "Table.get_column": "name convert_to",
    "Image": "data_or_path mode caption",
    "Run.alert": "title text",
    "Run.define_metric": "name step_metric",
    "Api.artifact": "name type",
    "Api.artifacts": "type_name name",
    "Api.artifact_exists": "name",
    "Api.registries": "organization filter",
    "Api.run": "path",
    "Api.runs": "path filters",
}
NAMED = {
    "Run": (
        "id name entity project job_type group tags notes path url dir config summary step log log_artifact"
        " use_artifact link_artifact log_model use_model link_model finish status define_metric alert"
        " watch log_code"
    ),
    "Table": "columns data add_data add_column add_computed_columns get_column get_dataframe iterrows get_index",
    "Artifact": (
        "name version type digest size aliases metadata description state source_name qualified_name is_link collection"
        " created_at file_count url add_file add_dir new_file remove get_entry download verify file files wait save"
        " link logged_by used_by add add_reference get checkout new_draft unlink delete tags ttl history_step"
    ),
    "Api": "artifact artifacts artifact_exists artifact_collection artifact_collections run runs registries",
}


def _find(dotted: str) -> Any:
    found: Any = gitreg
    for name in dotted.split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("dotted", SIGNATURES)
def test_arguments_have_wandbs_names_order_and_defaults(dotted: str) -> None:
    known = {name: p for name, p in inspect.signature(_find(dotted)).parameters.items() if name != "self"}
    wanted = [word.partition("=")[::2] for word in SIGNATURES[dotted].split()]
    assert [name for name in known if name in dict(wanted)] == [name for name, _ in wanted]
    for name, default in wanted:
        if known[name].default is not inspect.Parameter.empty:
            assert repr(known[name].default) == (default or "None"), name


@pytest.mark.parametrize(("owner", "name"), [(owner, name) for owner, names in NAMED.items() for name in names.split()])
def test_there_is_a_name_for_it(owner: str, name: str) -> None:
    assert hasattr(_find(owner), name)


@pytest.mark.parametrize(
    ("ours", "wandbs"),
    [
        (errors.InvalidNameError, ValueError),
        (errors.TypeMismatchError, ValueError),
        (errors.InvalidArtifactError, ValueError),
        (errors.UnsafePathError, ValueError),
        (errors.DifferencesError, ValueError),
        (errors.NotAModelError, AssertionError),
        (errors.NotAModelError, ValueError),
        (errors.ArtifactNotLoggedError, AttributeError),
        (errors.ArtifactFinalizedError, AttributeError),
        (errors.NotFoundError, errors.CommError),
        (errors.CommError, errors.Error),
        (errors.ConfigError, errors.Error),
        (errors.UsageError, errors.Error),
    ],
    ids=lambda kind: kind.__name__,
)
def test_what_catches_wandbs_error_catches_ours(ours: type[Exception], wandbs: type[Exception]) -> None:
    assert issubclass(ours, wandbs)
