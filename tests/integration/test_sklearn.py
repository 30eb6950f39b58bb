from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
import skops.io
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gitreg
from gitreg.integration import sklearn as ours


@pytest.fixture
def run(project: Path) -> gitreg.Run:
    return gitreg.init()


@pytest.fixture
def forest() -> Any:
    iris = load_iris()
    return RandomForestClassifier(n_estimators=5, random_state=0).fit(iris.data, iris.target)


def table(run: gitreg.Run, key: str) -> Any:
    return gitreg.Api().artifact(f"run-{run.id}-{key}", type="run_table").get(key)


def test_parameters_are_the_config_those_of_the_steps_too(run: gitreg.Run) -> None:
    ours.log_params(make_pipeline(StandardScaler(), LogisticRegression(C=0.5)))
    assert run.config["estimator"] == "sklearn.pipeline.Pipeline"
    assert (run.config["logisticregression__C"], run.config["standardscaler__with_mean"]) == (0.5, True)
    assert not {"steps", "logisticregression"} & set(run.config)
    ours.log_params(Ridge(alpha=2.0))
    assert (run.config["estimator"], run.config["alpha"]) == ("sklearn.linear_model._ridge.Ridge", 2.0)


def test_a_classifiers_metrics(run: gitreg.Run, forest: Any) -> None:
    iris = load_iris()
    ours.plot_summary_metrics(forest, iris.data, iris.target, iris.data, iris.target)
    summary = run.summary.as_dict()
    assert summary["accuracy_score"] == forest.score(iris.data, iris.target)
    assert set(summary) == {"accuracy_score", "precision", "recall", "f1_score"}
    assert all(0.9 < value <= 1 for value in summary.values())


def test_a_regressors_metrics(run: gitreg.Run) -> None:
    data, target = load_diabetes(return_X_y=True)
    model = Ridge().fit(data, target)
    ours.plot_summary_metrics(model, X_test=data, y_test=target)
    assert run.summary["r2_score"] == pytest.approx(model.score(data, target))
    assert run.summary["mse"] > run.summary["mae"] > 0


def test_what_cannot_be_measured_is_refused(run: gitreg.Run, forest: Any) -> None:
    with pytest.raises(gitreg.UsageError, match="nothing to measure"):
        ours.plot_summary_metrics(forest)
    data = load_iris().data
    with pytest.raises(gitreg.UsageError, match="KMeans is no classifier"):
        ours.plot_summary_metrics(KMeans(2, n_init=1).fit(data), X_test=data, y_test=data[:, 0])


def test_a_confusion_matrix_is_a_table(run: gitreg.Run) -> None:
    ours.plot_confusion_matrix([0, 0, 0, 2], [0, 0, 2, 2], labels=["cat", "dog", "owl"])
    found = table(run, "confusion_matrix")
    assert found.columns == ["Predicted", "Actual", "Count"]
    assert found.data == [["cat", "cat", 2], ["owl", "cat", 1], ["cat", "owl", 0], ["owl", "owl", 1]]
    ours.plot_confusion_matrix(["a", "b", "b", "b"], ["a", "a", "b", "b"], normalize=True)
    assert [row[2] for row in table(run, "confusion_matrix").data] == pytest.approx([1, 0, 1 / 3, 2 / 3])


def test_importances_are_a_table_the_largest_first(run: gitreg.Run, forest: Any) -> None:
    names = load_iris().feature_names
    ours.plot_feature_importances(forest, names, max_num_features=3)
    found = table(run, "feature_importances")
    largest = np.argsort(-forest.feature_importances_)[:3]
    assert found.data == [[names[i], forest.feature_importances_[i]] for i in largest]
    model = LogisticRegression().fit([[0, 0], [1, -2]], ["a", "b"])
    ours.plot_feature_importances(model)
    assert table(run, "feature_importances").data == [["1", model.coef_[0][1]], ["0", model.coef_[0][0]]]
    with pytest.raises(gitreg.UsageError, match="has no feature_importances_"):
        ours.plot_feature_importances(StandardScaler())


def test_roc_is_a_table_of_each_class(run: gitreg.Run, forest: Any) -> None:
    iris = load_iris()
    returned = ours.plot_roc(iris.target, forest.predict_proba(iris.data), iris.target_names)
    found = table(run, "roc")
    assert found.columns == returned.columns == ["class", "fpr", "tpr"]
    assert {row[0] for row in found.data} == {"setosa", "versicolor", "virginica"}
    with pytest.raises(gitreg.UsageError, match="not a column for each of 3 classes"):
        ours.plot_roc(iris.target, np.ones((150, 2)))


def test_plot_classifier_logs_all_of_it(run: gitreg.Run, forest: Any) -> None:
    data, target = load_iris(return_X_y=True)
    guesses, chances = forest.predict(data), forest.predict_proba(data)
    ours.plot_classifier(
        forest, data, data, target, target, guesses, chances, ["a", "b", "c"], feature_names=list("wxyz")
    )
    assert {artifact.name.split("-")[2] for artifact in gitreg.Api().artifacts("run_table")} == {
        "confusion_matrix:v0",
        "feature_importances:v0",
        "roc:v0",
    }
    assert run.summary["accuracy_score"] > 0.9


class TestLogModel:
    def test_writes_what_runs_no_code_when_it_is_read(self, run: gitreg.Run) -> None:
        data, target = load_iris(return_X_y=True)
        model = LogisticRegression(max_iter=500).fit(data, target)
        logged = ours.log_model(model, "iris", aliases=["best"], metadata={"kind": "line"})
        assert (logged.name, logged.type, logged.aliases) == ("iris:v0", "model", ["latest", "best"])
        assert logged.metadata["estimator"] == "sklearn.linear_model._logistic.LogisticRegression"
        assert (logged.metadata["sklearn"], logged.metadata["kind"]) == (sklearn.__version__, "line")
        path = run.use_model("iris:best")
        assert path.endswith("model.skops")
        assert (skops.io.load(path).predict(data) == model.predict(data)).all()

    def test_takes_the_dump_of_the_callers_choice(self, run: gitreg.Run, forest: Any) -> None:
        ours.log_model(forest, "iris", file="model.joblib", dump=joblib.dump)
        data = load_iris().data
        assert (joblib.load(run.use_model("iris")).predict(data) == forest.predict(data)).all()
        ours.log_model(
            forest, "own", file="model.pkl", dump=lambda model, path: Path(path).write_bytes(pickle.dumps(model))
        )
        assert run.use_model("own").endswith("model.pkl")

    def test_a_dump_needs_a_name_for_its_file(self, run: gitreg.Run, forest: Any) -> None:
        with pytest.raises(gitreg.UsageError, match="needs the name of its file"):
            ours.log_model(forest, "iris", dump=joblib.dump)
        assert gitreg.Api().artifacts() == []


def test_without_a_run_each_says_what_to_call_first(forest: Any) -> None:
    with pytest.raises(
        gitreg.Error, match=r"You must call gitreg\.init\(\) before gitreg\.integration\.sklearn\.log_model"
    ):
        ours.log_model(forest, "iris")
