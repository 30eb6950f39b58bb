"""For scikit-learn, which has no callbacks: functions to call with what was fitted. Each acts on the active run.

Those that begin with `plot_` are W&B's `wandb.sklearn.plot_...`; what W&B draws is logged as a table, and returned.
Importing this module needs scikit-learn, `pip install 'gitreg[sklearn]'`, and the tables need `gitreg[tables]`, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gitreg.errors import MissingExtraError, UsageError
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.media.table import Table
from gitreg.sdk.session import need_run

try:
    import numpy as np
    import sklearn
    from sklearn import base, metrics
    from sklearn.utils.multiclass import unique_labels
except ModuleNotFoundError as error:
    raise MissingExtraError(error.name or "sklearn", "sklearn") from error

__all__ = [
    "log_model",
    "log_params",
    "plot_classifier",
    "plot_confusion_matrix",
    "plot_feature_importances",
    "plot_roc",
    "plot_summary_metrics",
]


def log_params(estimator: Any) -> None:
    """Set an estimator's class and parameters in the run's config, those of a pipeline's steps as `<step>__<name>`.

    What was set before, by another estimator, changes. Raises: Error without an active run.
    """
    values = {name: value for name, value in estimator.get_params().items() if not _holds_estimators(value)}
    need_run("integration.sklearn.log_params()").config.update(
        {"estimator": _class_name(estimator), **values}, allow_val_change=True
    )


def log_model(
    estimator: Any,
    name: str,
    *,
    file: str | None = None,
    dump: Callable[[Any, str], object] | None = None,
    aliases: str | Sequence[str] | None = None,
    metadata: Mapping[str, object] | None = None,
) -> Artifact:
    """Log a fitted estimator as a model, written by `dump(estimator, path)` into a file of this name.

    Without `dump` it is `model.skops`, which runs no code when it is loaded (https://skops.readthedocs.io). joblib and
    pickle do: `log_model(svm, "svm", file="model.joblib", dump=joblib.dump)`. gitreg never loads a model. The class and
    scikit-learn's version are in the metadata.

    Raises: Error without an active run, MissingExtraError, UsageError for a `dump` without `file`; as
        `Run.log_artifact`.
    """
    run = need_run("integration.sklearn.log_model()")
    if dump is not None and file is None:
        raise UsageError("a dump of your own needs the name of its file", hint="file='model.joblib', dump=joblib.dump")
    if dump is None:
        try:
            from skops.io import dump as skops_dump
        except ModuleNotFoundError as error:
            raise MissingExtraError(error.name or "skops", "sklearn") from error
        dump = skops_dump
    facts = {"estimator": _class_name(estimator), "sklearn": sklearn.__version__, **(metadata or {})}
    artifact = Artifact(name, "model", metadata=facts)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        dump(estimator, str(path))
        artifact.add_file(path, file or "model.skops")
        return run.log_artifact(artifact, aliases=aliases)


def plot_summary_metrics(
    model: Any, X: object = None, y: object = None, X_test: Any = None, y_test: Any = None
) -> None:
    """Log what a fitted model reaches on `X_test` and `y_test`.

    Of a classifier `accuracy_score`, `precision`, `recall` and `f1_score` (weighted by class), of a regressor `mae`,
    `mse` and `r2_score`. `X` and `y` are taken for W&B's sake. Raises: Error without an active run, UsageError for what
    is neither, and without data.
    """
    run = need_run("integration.sklearn.plot_summary_metrics()")
    if X_test is None or y_test is None:
        raise UsageError("there is nothing to measure the model on", hint="pass X_test and y_test")
    guesses = model.predict(X_test)
    if base.is_classifier(model):
        weighted = metrics.precision_recall_fscore_support(y_test, guesses, average="weighted", zero_division=0)
        found = dict(zip(("precision", "recall", "f1_score"), weighted[:3], strict=True))
        run.log({"accuracy_score": metrics.accuracy_score(y_test, guesses), **found})
    elif base.is_regressor(model):
        run.log(
            {
                "mae": metrics.mean_absolute_error(y_test, guesses),
                "mse": metrics.mean_squared_error(y_test, guesses),
                "r2_score": metrics.r2_score(y_test, guesses),
            }
        )
    else:
        raise UsageError(f"{_class_name(model)} is no classifier and no regressor", hint="log its metrics with run.log")


def plot_confusion_matrix(
    y_true: Any, y_pred: Any, labels: Sequence[Any] | None = None, normalize: bool = False
) -> Table:
    """Log the table `confusion_matrix`: how often each class (`Actual`) was taken for which (`Predicted`).

    `Count` is the part of the actual class with `normalize`. `labels` are names for the classes 0, 1, ... Raises: Error
    without an active run, MissingExtraError.
    """
    classes = unique_labels(y_true, y_pred)
    counts = metrics.confusion_matrix(y_true, y_pred, labels=classes, normalize="true" if normalize else None)
    names = _names(classes, labels)
    rows = [
        [names[guessed], names[actual], counts[actual, guessed].item()]
        for actual in range(len(names))
        for guessed in range(len(names))
    ]
    return _log_table("confusion_matrix", ["Predicted", "Actual", "Count"], rows)


def plot_feature_importances(
    model: Any, feature_names: Sequence[str] | None = None, max_num_features: int = 50
) -> Table:
    """Log the table `feature_importances`: those of a fitted model, the largest first.

    They are its `feature_importances_`, or else its coefficients, of several classes their mean size. Raises: Error
    without an active run, UsageError for a model that has none, MissingExtraError.
    """
    found = getattr(model, "feature_importances_", None)
    if found is None:
        found = getattr(model, "coef_", None)
    if found is None:
        raise UsageError(f"{_class_name(model)} has no feature_importances_ and no coef_", hint="is it fitted?")
    values = np.asarray(found)
    if values.ndim > 1:
        values = values[0] if len(values) == 1 else np.abs(values).mean(axis=0)
    order = np.argsort(-np.abs(values), kind="stable")[:max_num_features]
    names = feature_names if feature_names is not None else getattr(model, "feature_names_in_", range(len(values)))
    rows = [[str(names[index]), values[index].item()] for index in order]
    return _log_table("feature_importances", ["feature_names", "importances"], rows)


def plot_roc(y_true: Any, y_probas: Any, labels: Sequence[Any] | None = None) -> Table:
    """Log the table `roc`: for each class the rates of false and true positives at every threshold.

    `y_probas` has a column for each class of `y_true`, in sorted order. Raises: Error without an active run, UsageError
    for another number of columns, MissingExtraError.
    """
    truth, probabilities = np.asarray(y_true), np.asarray(y_probas)
    classes = unique_labels(truth)
    if probabilities.ndim != 2 or probabilities.shape[1] != len(classes):
        raise UsageError(
            f"y_probas of shape {probabilities.shape} has not a column for each of {len(classes)} classes",
            hint="pass what predict_proba returns",
        )
    rows = []
    for column, name in enumerate(_names(classes, labels)):
        false, true, _ = metrics.roc_curve(truth == classes[column], probabilities[:, column])
        rows += [[name, *rates] for rates in zip(false.tolist(), true.tolist(), strict=True)]
    return _log_table("roc", ["class", "fpr", "tpr"], rows)


def plot_classifier(
    model: Any,
    X_train: object,
    X_test: Any,
    y_train: object,
    y_test: Any,
    y_pred: Any,
    y_probas: Any,
    labels: Sequence[Any] | None = None,
    is_binary: bool = False,
    model_name: str = "Classifier",
    feature_names: Sequence[str] | None = None,
    log_learning_curve: bool = False,
) -> None:
    """Log a fitted classifier's metrics, confusion matrix, ROC and, where it has such, importances of features.

    What else W&B draws, such as a learning curve, is left out. Raises: as the other functions.
    """
    plot_summary_metrics(model, X_test=X_test, y_test=y_test)
    plot_confusion_matrix(y_test, y_pred, labels)
    plot_roc(y_test, y_probas, labels)
    if hasattr(model, "feature_importances_") or hasattr(model, "coef_"):
        plot_feature_importances(model, feature_names)


def _log_table(key: str, columns: list[str | int], rows: list[list[Any]]) -> Table:
    run, table = need_run(f"integration.sklearn.plot_{key}()"), Table(columns=columns, data=rows)
    run.log({key: table})
    return table


def _names(classes: Iterable[Any], labels: Sequence[Any] | None) -> list[str]:
    """The classes as text; the integer i is `labels[i]`."""
    plain = [value.item() if isinstance(value, np.generic) else value for value in classes]
    if labels is None:
        return [str(value) for value in plain]
    return [
        str(labels[value]) if isinstance(value, int) and 0 <= value < len(labels) else str(value) for value in plain
    ]


def _class_name(estimator: object) -> str:
    return f"{type(estimator).__module__}.{type(estimator).__qualname__}"


def _holds_estimators(value: object) -> bool:
    """Whether a parameter is another estimator, or the steps of a pipeline; their own parameters are listed, too."""
    if isinstance(value, (list, tuple)):
        return any(_holds_estimators(item) for item in value)
    return isinstance(value, base.BaseEstimator)
