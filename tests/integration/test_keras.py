"""The callbacks for Keras in real, small trainings, on TensorFlow here and on each backend in a process of its own."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import gitreg
from conftest import Shell
from gitreg.errors import Error, UsageError
from gitreg.integration import keras as ours
from gitreg.sdk import talk

pytestmark = [
    # Keras's own: its variables, when it saves them
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
]

EXAMPLES, BATCH = 40, 8
BATCHES = EXAMPLES // BATCH
"""Of one epoch."""


@pytest.fixture
def run(project: Path) -> gitreg.Run:
    return gitreg.init()


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said once in a process is said once in each test."""
    monkeypatch.setattr(talk, "_said", set())
    keras.utils.set_random_seed(1)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The warnings that gitreg has given."""
    return lambda: [
        item.getMessage() for item in caplog.records if (item.name, item.levelno) == ("gitreg", logging.WARNING)
    ]


def data(count: int = EXAMPLES) -> tuple[Any, Any]:
    """Points in the plane, and on which side of a line they are, one-hot."""
    x = np.random.default_rng(0).normal(size=(count, 2)).astype("float32")
    return x, keras.utils.to_categorical((x.sum(axis=1) > 0).astype("int32"), 2)


def classifier(rate: Any = 0.1, metrics: tuple[str, ...] = ("accuracy",), **options: Any) -> Any:
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(2, activation="softmax", name="layer")])
    optimizer = keras.optimizers.SGD(rate)
    model.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=list(metrics), **options)
    return model


def train(model: Any, *callbacks: Any, epochs: int = 2, **options: Any) -> Any:
    x, y = data()
    if "x" not in options:
        options = {"x": x, "y": y, "batch_size": BATCH, "validation_data": data(12)} | options
    return model.fit(epochs=epochs, verbose=0, callbacks=list(callbacks), **options)


def rows(run: gitreg.Run) -> list[dict[str, Any]]:
    """The history of a run, which ends with it: what each step has of its own."""
    run.finish()
    found = gitreg.Api().run(run.id).scan_history()
    return [{key: value for key, value in row.items() if not key.startswith("_")} for row in found]


def versions(name: str) -> list[gitreg.Artifact]:
    """The oldest first."""
    return sorted(gitreg.Api().artifacts("model", name), key=lambda item: int(item.version[1:]))


class TestMetricsLogger:
    def test_logs_each_epoch_with_its_metrics_and_learning_rate(self, run: gitreg.Run) -> None:
        told = train(classifier(), ours.MetricsLogger(), epochs=3).history
        logged = rows(run)
        assert [row["epoch/epoch"] for row in logged] == [0, 1, 2]
        for name, values in told.items():
            assert [row[f"epoch/{name}"] for row in logged] == pytest.approx(values)
        assert [row["epoch/learning_rate"] for row in logged] == pytest.approx([0.1] * 3)
        assert {key for row in logged for key in row} == {
            *(f"epoch/{name}" for name in told),
            "epoch/epoch",
            "epoch/learning_rate",
        }

    def test_logs_the_learning_rate_that_a_schedule_has_come_to(self, run: gitreg.Run) -> None:
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay([BATCHES, 2 * BATCHES], [0.3, 0.2, 0.1])
        train(classifier(schedule), ours.MetricsLogger(), epochs=3)
        assert [row["epoch/learning_rate"] for row in rows(run)] == pytest.approx([0.3, 0.2, 0.1])

    def test_logs_every_batch_and_counts_them_over_the_epochs(self, run: gitreg.Run) -> None:
        train(classifier(), ours.MetricsLogger(log_freq="batch"))
        logged = rows(run)
        batches = [row for row in logged if "batch/batch_step" in row]
        assert [row["batch/batch_step"] for row in batches] == list(range(2 * BATCHES))
        assert all({"batch/loss", "batch/accuracy", "batch/learning_rate"} <= row.keys() for row in batches)
        assert [row["epoch/epoch"] for row in logged if row not in batches] == [0, 1]

    def test_logs_the_first_batch_of_an_epoch_and_every_third_from_there(self, run: gitreg.Run) -> None:
        train(classifier(), ours.MetricsLogger(3, initial_global_step=100))
        steps = [row["batch/batch_step"] for row in rows(run) if "batch/batch_step" in row]
        assert BATCHES == 5
        assert steps == [100, 103, 105, 108]

    def test_misses_none_where_keras_tells_of_several_batches_at_once(self, run: gitreg.Run) -> None:
        train(classifier(steps_per_execution=2), ours.MetricsLogger(2), batch_size=10)
        assert [row["batch/batch_step"] for row in rows(run) if "batch/batch_step" in row] == [1, 3, 5, 7]

    def test_says_over_what_its_metrics_are_drawn(self, run: gitreg.Run) -> None:
        ours.MetricsLogger("batch")
        metrics: Any = run._live.record.metrics
        assert {name: item["step_metric"] for name, item in metrics.items()} == {
            "epoch/*": "epoch/epoch",
            "batch/*": "batch/batch_step",
        }

    def test_of_epochs_does_not_make_keras_wait_for_each_batch(self, run: gitreg.Run) -> None:
        # as Keras asks each callback before it tells them of batches in another thread
        assert hasattr(ours.MetricsLogger().on_train_batch_end, "_is_default")
        assert not hasattr(ours.MetricsLogger("batch").on_train_batch_end, "_is_default")

    @pytest.mark.parametrize("frequency", [0, -1, True, "day", 1.5, None])
    def test_refuses_a_frequency_that_means_nothing(self, run: gitreg.Run, frequency: Any) -> None:
        with pytest.raises(UsageError, match=r"log_freq .* is not a number of batches"):
            ours.MetricsLogger(frequency)


class TestModelCheckpoint:
    def test_logs_each_epoch_s_model_with_an_alias_and_its_metrics(self, run: gitreg.Run) -> None:
        model = classifier()
        told = train(model, ours.ModelCheckpoint("m.keras")).history
        first, last = versions(f"run_{run.id}_model")
        assert (first.aliases, last.aliases) == (["epoch_0"], ["latest", "epoch_1"])
        assert last.type == "model"
        assert last.metadata == {"epoch": 1, **{name: pytest.approx(values[1]) for name, values in told.items()}}
        x, _ = data()
        np.testing.assert_allclose(
            keras.models.load_model(last.file()).predict(x, verbose=0), model.predict(x, verbose=0)
        )

    def test_logs_only_what_keras_saves(self, run: gitreg.Run) -> None:
        # a learning rate of 0 makes no epoch better than the first
        train(classifier(0.0), ours.ModelCheckpoint("m.keras", save_best_only=True), epochs=3)
        (only,) = versions(f"run_{run.id}_model")
        assert only.aliases == ["latest", "epoch_0"]

    def test_logs_nothing_when_nothing_is_good_enough(self, run: gitreg.Run) -> None:
        train(classifier(), ours.ModelCheckpoint("m.keras", save_best_only=True, initial_value_threshold=0.0))
        assert not gitreg.Api().artifact_exists(f"run_{run.id}_model")

    def test_logs_after_some_batches(self, run: gitreg.Run) -> None:
        train(classifier(), ours.ModelCheckpoint("m-{batch}.weights.h5", save_weights_only=True, save_freq=4))
        found = versions(f"run_{run.id}_model")
        assert [item.aliases[-1] for item in found] == ["epoch_0_batch_3", "epoch_1_batch_2"]
        assert [[file.path for file in item.files()] for item in found] == [["m-4.weights.h5"], ["m-3.weights.h5"]]
        model = classifier()
        model.load_weights(found[-1].file())


class TestCallback:
    def test_logs_metrics_and_statistics_of_weights_each_epoch_a_step(self, run: gitreg.Run) -> None:
        model = classifier()
        told = train(model, ours.Callback(log_weights=True)).history
        logged = rows(run)
        assert [row["epoch"] for row in logged] == [0, 1]
        for name, values in told.items():
            assert [row[name] for row in logged] == pytest.approx(values)
        kernel = model.get_layer("layer").kernel.numpy()
        assert logged[-1]["parameters/layer/kernel"] == {
            "min": pytest.approx(kernel.min()),
            "max": pytest.approx(kernel.max()),
            "mean": pytest.approx(kernel.mean()),
            "std": pytest.approx(kernel.std()),
        }
        assert set(logged[0]) == {"epoch", *told, "parameters/layer/kernel", "parameters/layer/bias"}

    def test_keeps_the_best_model_beside_the_user_and_its_value_in_the_summary(
        self, run: gitreg.Run, project: Path
    ) -> None:
        # the second epoch makes it worse
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay([BATCHES], [0.1, -5.0])
        best = classifier(schedule)
        told = train(best, ours.Callback()).history["val_loss"]
        assert told[0] < told[1]
        assert (run.summary["best_epoch"], run.summary["best_val_loss"]) == (0, pytest.approx(told[0]))
        x, y = data(12)
        kept = keras.models.load_model(project / "model-best.keras")
        assert kept.evaluate(x, y, verbose=0)[0] == pytest.approx(told[0], rel=1e-4)
        run.finish()
        assert list(gitreg.Api().artifact_collections("model")) == [], "a file of the user's is no version"

    def test_keeps_weights_alone_or_nothing(self, run: gitreg.Run, project: Path) -> None:
        train(classifier(), ours.Callback(save_model=False))
        assert list(project.glob("model-best*")) == []
        run.finish()
        with gitreg.init():
            train(classifier(), ours.Callback(save_weights_only=True))
        assert [path.name for path in project.glob("model-best*")] == ["model-best.weights.h5"]
        classifier().load_weights(project / "model-best.weights.h5")

    @pytest.mark.parametrize(
        ("monitor", "mode", "best"),
        [
            ("val_accuracy", "auto", 1.0),
            ("val_accuracy", "min", 0.25),
            ("val_loss", "auto", 0.25),
            ("val_loss", "max", 1.0),
            ("val_auc", "auto", 1.0),
        ],
    )
    def test_knows_which_values_are_the_better_ones(
        self, run: gitreg.Run, monitor: str, mode: Any, best: float
    ) -> None:
        callback = ours.Callback(monitor=monitor, mode=mode, save_model=False)
        callback.set_model(classifier())
        for epoch, value in enumerate((0.5, 1.0, float("nan"), 0.25, 0.75)):
            callback.on_epoch_end(epoch, {monitor: value})
        assert run.summary[f"best_{monitor}"] == best

    def test_keeps_none_when_there_is_no_such_metric(self, run: gitreg.Run, project: Path) -> None:
        train(classifier(), ours.Callback(monitor="val_f2"))
        assert "best_epoch" not in run.summary
        assert list(project.glob("model-best*")) == []

    def test_goes_on_from_the_best_of_a_run_that_is_resumed(self, run: gitreg.Run) -> None:
        run.summary["best_val_loss"] = 1e-9
        train(classifier(), ours.Callback())
        assert run.summary["best_val_loss"] == 1e-9

    def test_lets_a_training_go_on_whose_model_cannot_be_kept(
        self, run: gitreg.Run, project: Path, said: Callable[[], list[str]]
    ) -> None:
        (project / "model-best.keras").mkdir()
        told = train(classifier(), ours.Callback(), epochs=3).history
        assert len(told["loss"]) == 3
        (line,) = said()
        assert line.startswith("the best model is not kept: ")

    def test_logs_batches_when_asked(self, run: gitreg.Run) -> None:
        train(classifier(), ours.Callback(log_batch_frequency=2, save_model=False))
        logged = rows(run)
        assert len([row for row in logged if "epoch" not in row]) == 2 * 3
        assert all({"loss", "accuracy"} <= row.keys() for row in logged)

    def test_takes_what_it_has_no_use_for_and_says_so(self, run: gitreg.Run, said: Callable[[], list[str]]) -> None:
        ours.Callback(log_gradients=True, training_data=data(), input_type="image", save_graph=False)
        assert said() == ["input_type, log_gradients, training_data: this callback does nothing with it"]
        with pytest.raises(TypeError, match="unexpected keyword argument 'log_evaluations'"):
            ours.Callback(log_evaluations=True)
        with pytest.raises(UsageError, match="mode 'best' is not known"):
            ours.Callback(mode="best")  # type: ignore[arg-type]


class TestThePredictions:
    def table(self, run: gitreg.Run) -> Any:
        found = gitreg.Api().artifact(f"run-{run.id}-validation_predictions", type="run_table")
        return found.get("validation_predictions")

    def check(self, run: gitreg.Run, model: Any, x: Any, y: Any) -> None:
        table = self.table(run)
        assert table.columns == ["input", "target", "output", "output_class", "target_class"]
        np.testing.assert_array_equal(table.get_column("input", "numpy"), x)
        np.testing.assert_array_equal(table.get_column("target", "numpy"), y)
        output = model.predict(x, verbose=0)
        np.testing.assert_allclose(table.get_column("output", "numpy"), output, rtol=1e-5)
        np.testing.assert_array_equal(table.get_column("output_class", "numpy"), output.argmax(axis=1))
        np.testing.assert_array_equal(table.get_column("target_class", "numpy"), y.argmax(axis=1))

    def test_are_those_of_the_trained_model_for_the_arrays_that_fit_validates_with(self, run: gitreg.Run) -> None:
        model = classifier()
        train(model, ours.Callback(log_evaluation=True, save_model=False))
        self.check(run, model, *data(12))
        assert self.table(run).get_column("input", "numpy").dtype == "float32"

    def test_are_found_where_fit_splits_its_data(self, run: gitreg.Run) -> None:
        model, (x, y) = classifier(), data()
        model.fit(
            x, y, verbose=0, validation_split=0.25, callbacks=[ours.Callback(log_evaluation=True, save_model=False)]
        )
        self.check(run, model, x[-10:], y[-10:])

    def test_are_found_in_a_dataset_of_tensorflow_s(self, run: gitreg.Run) -> None:
        model = classifier()
        validation = tf.data.Dataset.from_tensor_slices(data(12)).batch(5)
        train(model, ours.Callback(log_evaluation=True, save_model=False), validation_data=validation)
        self.check(run, model, *data(12))

    def test_are_found_in_a_dataset_of_keras_s(self, run: gitreg.Run) -> None:
        class Parts(keras.utils.PyDataset):  # type: ignore[misc]  # published without types
            def __len__(self) -> int:
                return 3

            def __getitem__(self, index: int) -> Any:
                x, y = data(12)
                return x[4 * index : 4 * index + 4], y[4 * index : 4 * index + 4]

        model = classifier()
        train(model, ours.Callback(log_evaluation=True, save_model=False), validation_data=Parts())
        self.check(run, model, *data(12))

    def test_of_a_generator_cannot_be_made_which_is_said(self, run: gitreg.Run, said: Callable[[], list[str]]) -> None:
        def endless() -> Any:
            while True:
                yield data(4)

        train(
            classifier(),
            ours.Callback(log_evaluation=True, log_evaluation_frequency=1, save_model=False),
            validation_data=endless(),
            validation_steps=2,
        )
        assert said() == [
            "validation_predictions: the callback cannot read the validation data; give it validation_data"
        ]
        assert not gitreg.Api().artifact_exists(f"run-{run.id}-validation_predictions")

    def test_without_validation_are_missed_and_that_is_said(
        self, run: gitreg.Run, said: Callable[[], list[str]]
    ) -> None:
        train(classifier(), ours.Callback(log_evaluation=True), validation_data=None)
        assert said() == [
            "validation_predictions: the callback cannot read the validation data; give it validation_data"
        ]

    @pytest.mark.parametrize("kind", ["arrays", "batches"])
    def test_can_be_of_data_that_the_callback_is_given(self, run: gitreg.Run, kind: str) -> None:
        model, (x, y) = classifier(), data(70)
        given = (x, y) if kind == "arrays" else [(x[:30], y[:30]), (x[30:], y[30:])]
        options: dict[str, Any] = {"validation_data": given} if kind == "arrays" else {"generator": iter(given)}
        train(model, ours.Callback(log_evaluation=True, save_model=False, **options))
        self.check(run, model, x, y)

    def test_are_of_as_many_batches_as_are_asked_for(self, run: gitreg.Run) -> None:
        model = classifier()
        train(
            model,
            ours.Callback(log_evaluation=True, save_model=False, validation_steps=2),
            validation_batch_size=4,
        )
        x, y = data(12)
        self.check(run, model, x[:8], y[:8])

    def test_have_names_for_classes(self, run: gitreg.Run) -> None:
        train(classifier(), ours.Callback(log_evaluation=True, save_model=False, labels=["below", "above"]))
        _, y = data(12)
        assert self.table(run).get_column("target_class") == [["below", "above"][at] for at in y.argmax(axis=1)]

    def test_after_some_epochs_are_versions(self, run: gitreg.Run) -> None:
        train(
            classifier(),
            ours.Callback(log_evaluation=True, log_evaluation_frequency=2, save_model=False),
            epochs=4,
        )
        found = gitreg.Api().artifacts("run_table", f"run-{run.id}-validation_predictions")
        assert sorted(item.version for item in found) == ["v0", "v1", "v2"], "after epochs 0 and 2, and at the end"

    def test_of_no_classifier_have_no_classes_and_of_several_inputs_a_column_each(self, run: gitreg.Run) -> None:
        left, right = keras.layers.Input((1,), name="left"), keras.layers.Input((1,), name="right")
        both = keras.layers.Concatenate()([left, right])
        model = keras.Model({"left": left, "right": right}, keras.layers.Dense(2)(both))
        model.compile(loss="mse", optimizer="sgd")
        x, _ = data(12)
        inputs = {"left": x[:, :1], "right": x[:, 1:]}
        callback = ours.Callback(log_evaluation=True, save_model=False)
        model.fit(inputs, x, verbose=0, validation_data=(inputs, x), callbacks=[callback])
        table = self.table(run)
        assert table.columns == ["input:left", "input:right", "target", "output"]
        np.testing.assert_array_equal(table.get_column("input:right", "numpy"), x[:, 1:])

    def test_that_cannot_be_made_a_table_are_told_and_keep_nobody_from_the_end_of_a_training(
        self, run: gitreg.Run, said: Callable[[], list[str]]
    ) -> None:
        train(classifier(), ours.Callback(log_evaluation=True, save_model=False, labels=["one"]))
        assert [line.partition(":")[0] for line in said()] == ["validation_predictions is not logged"]

    def test_that_are_large_are_cut_and_that_is_said(
        self, run: gitreg.Run, said: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("gitreg.integration.keras_examples._MAX_BYTES", 100)
        train(classifier(), ours.Callback(log_evaluation=True, save_model=False), validation_batch_size=5)
        assert len(self.table(run)) == 5
        assert said() == ["validation_predictions: the first 5 examples take 120 bytes; more are not logged"]


class TestEvalCallback:
    class Digits(ours.WandbEvalCallback):
        """As W&B's documentation has it: examples once, and after each epoch what is said of them."""

        def __init__(self, data: tuple[Any, Any]) -> None:
            super().__init__(data_table_columns=["idx", "image", "label"], pred_table_columns=["epoch", "idx", "pred"])
            self.x, self.y = data

        def add_ground_truth(self, logs: Any = None) -> None:
            for index, (point, label) in enumerate(zip(self.x, self.y, strict=True)):
                self.data_table.add_data(index, gitreg.Image(point.reshape(1, 2).clip(0, 1)), label.argmax())

        def add_model_predictions(self, epoch: int, logs: Any = None) -> None:
            predicted = self.model.predict(self.x, verbose=0).argmax(axis=1)
            for index in self.data_table_ref.get_index():
                self.pred_table.add_data(epoch, self.data_table_ref.data[index][0], predicted[index])

    def test_logs_the_examples_as_an_input_and_predictions_after_each_epoch(self, run: gitreg.Run) -> None:
        model = classifier()
        x, y = data(6)
        train(model, self.Digits((x, y)), epochs=2)
        run.finish()
        view = gitreg.Api().run(run.id)
        assert [item.name for item in view.used_artifacts()] == ["val:v0"]
        truth = gitreg.Api().artifact("val:v0", type="dataset").get("val_data")
        assert isinstance(truth, gitreg.Table)
        assert truth.get_column("label") == list(y.argmax(axis=1))
        logged = view.logged_artifacts()
        assert [(item.name, item.type) for item in logged] == [
            (f"run_{run.id}_pred:v0", "evaluation"),
            (f"run_{run.id}_pred:v1", "evaluation"),
        ]
        last = logged[-1].get("eval_data")
        assert isinstance(last, gitreg.Table)
        assert last.get_column("epoch") == [1] * 6
        assert last.get_column("pred") == list(model.predict(x, verbose=0).argmax(axis=1))


def test_a_callback_needs_a_run(project: Path) -> None:
    for make in (ours.MetricsLogger, ours.Callback, lambda: ours.ModelCheckpoint("m.keras")):
        with pytest.raises(Error, match=r"You must call gitreg.init\(\) before gitreg.integration.keras.\w+\(\)"):
            make()


def test_a_disabled_run_records_nothing(project: Path, sh: Shell) -> None:
    with gitreg.init(mode="disabled"):
        train(classifier(), ours.MetricsLogger(), ours.ModelCheckpoint("m.keras"), ours.Callback(log_evaluation=True))
    assert sh("git for-each-ref refs/gitreg refs/tags", project) == ""
    assert [path.name for path in project.iterdir() if path.suffix == ".keras"] == ["m.keras"], "which the user named"


def test_wandb_s_names_are_the_same_classes() -> None:
    assert ours.WandbMetricsLogger is ours.MetricsLogger
    assert ours.WandbModelCheckpoint is ours.ModelCheckpoint
    assert ours.WandbCallback is ours.Callback
    assert ours.WandbEvalCallback is ours.EvalCallback


STORY = """
import json
import keras
import numpy as np
import gitreg
from gitreg.integration.keras import Callback, MetricsLogger, ModelCheckpoint

x = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
y = keras.utils.to_categorical((x.sum(axis=1) > 0).astype("int32"), 2)
model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(2, activation="softmax", name="layer")])
rate = keras.optimizers.schedules.PiecewiseConstantDecay([5], [0.5, 0.25])
model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.SGD(rate), metrics=["accuracy"])
with gitreg.init() as run:
    told = model.fit(
        x, y, batch_size=8, epochs=2, validation_data=(x[:12], y[:12]), verbose=0,
        callbacks=[
            MetricsLogger("batch"),
            ModelCheckpoint("epoch.keras"),
            Callback(log_weights=True, log_evaluation=True, log_evaluation_frequency=1),
        ],
    )
best = keras.models.load_model("model-best.keras")
print(json.dumps({
    "backend": keras.backend.backend(),
    "run": run.id,
    "told": told.history,
    "output": model.predict(x[:12], verbose=0).tolist(),
    "best": best.evaluate(x[:12], y[:12], verbose=0)[0],
}))
"""


@pytest.mark.parametrize("backend", ["tensorflow", "torch", "jax"])
def test_every_backend_leaves_the_same(backend: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    ignored = "ignore:__array__ implementation doesn't accept:DeprecationWarning"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", ignored, "-c", STORY], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    story = json.loads(done.stdout)
    assert story["backend"] == backend
    run = gitreg.Api().run(story["run"])
    assert run.summary["epoch/val_loss"] == pytest.approx(story["told"]["val_loss"][-1])
    assert run.summary["batch/batch_step"] == 9
    assert (run.summary["epoch/learning_rate"], run.summary["epoch"]) == (pytest.approx(0.25), 1)
    assert run.summary["best_val_loss"] == pytest.approx(min(story["told"]["val_loss"]))
    assert run.summary["best_val_loss"] == pytest.approx(story["best"], rel=1e-4)
    assert set(run.summary["parameters/layer/kernel"]) == {"min", "max", "mean", "std"}
    assert [item.aliases[-1] for item in versions(f"run_{story['run']}_model")] == ["epoch_0", "epoch_1"]
    table = gitreg.Api().artifact(f"run-{story['run']}-validation_predictions").get("validation_predictions")
    np.testing.assert_allclose(table.get_column("output", "numpy"), story["output"], rtol=1e-4)
