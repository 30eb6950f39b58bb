from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset

os.environ["HF_HUB_OFFLINE"] = "1"
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

import gitreg
from gitreg.integration.huggingface import Callback, WandbCallback

# the frameworks' own warnings, of which there are new ones with each release
pytestmark = pytest.mark.filterwarnings("ignore")


class Words(Dataset):  # type: ignore[misc]  # Any where torch is not installed
    """Four sentences of three words."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"input_ids": torch.tensor([index, 1, 2]), "labels": torch.tensor(index % 2)}


def model() -> Any:
    torch.manual_seed(0)
    size = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 4}
    return BertForSequenceClassification(BertConfig(vocab_size=8, max_position_embeddings=4, **size))


def trainer(callback: Any, **options: Any) -> Any:
    arguments = {"output_dir": "out", "num_train_epochs": 2, "per_device_train_batch_size": 2, "logging_steps": 2}
    quiet = {"report_to": "none", "disable_tqdm": True, "save_strategy": "no", "use_cpu": True, "seed": 1}
    return Trainer(
        model=model(),
        args=TrainingArguments(**{**arguments, **quiet, **options}),
        train_dataset=Words(),
        eval_dataset=Words(),
        callbacks=[callback],
    )


def test_a_training_is_a_run(project: Path) -> None:
    pipeline = trainer(Callback(), eval_strategy="epoch", learning_rate=0.01, run_name="tiny")
    pipeline.train()
    pipeline.predict(Words())
    run = gitreg.run
    assert run is not None
    assert run.name == "tiny"
    config = run.config
    assert (config["learning_rate"], config["hidden_size"], config["model_type"]) == (0.01, 4, "bert")
    assert config["model/num_parameters"] == pipeline.model.num_parameters()
    assert {"train/loss", "train/learning_rate", "train/epoch", "eval/loss", "test/loss"} <= set(run.summary)
    # said once, at the end
    assert run.summary["train_runtime"] > 0
    assert "train/train_runtime" not in run.summary
    run.finish()
    rows = gitreg.Api().run(run.id).history(keys=["train/loss", "train/global_step"], pandas=False)
    assert [row["train/global_step"] for row in rows] == [2, 4]
    assert gitreg.Api().artifacts() == []


def test_a_run_that_is_active_is_used_and_goes_on(project: Path) -> None:
    with gitreg.init(job_type="tune", config={"learning_rate": 5}) as run:
        trainer(WandbCallback(), num_train_epochs=1).train()
        assert run.config["learning_rate"] == 5e-5
        assert run.status().state == "running"
        assert run.job_type == "tune"


def test_the_last_model_is_logged_where_it_is_asked_for(project: Path) -> None:
    pipeline = trainer(Callback(log_model="end", model_name="tiny_bert"), num_train_epochs=1)
    pipeline.train()
    (version,) = gitreg.Api().artifacts("model")
    assert (version.name, version.aliases) == ("tiny_bert:v0", ["latest", "final_model"])
    assert version.metadata["final_model"] is True
    assert version.metadata["train_loss"] > 0
    # transformers reads it back
    again = BertForSequenceClassification.from_pretrained(version.download())
    assert torch.equal(again.classifier.weight, pipeline.model.classifier.weight)


def test_checkpoints_are_versions_too(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITREG_LOG_MODEL", "checkpoint")
    options = {"save_strategy": "epoch", "eval_strategy": "epoch", "load_best_model_at_end": True}
    trainer(Callback(), **options).train()
    run = gitreg.run
    assert run is not None
    last, second, first = gitreg.Api().artifacts("model", f"model-{run.id}")
    assert first.aliases == ["checkpoint_global_step_2", "epoch_1.0"]
    assert second.aliases == ["checkpoint_global_step_4", "epoch_2.0"]
    assert last.aliases == ["latest", "final_model"]
    assert "trainer_state.json" in [file.path for file in second.files()]
    assert last.metadata["eval/loss"] == pytest.approx(run.summary["eval/loss"], rel=0.5)


def test_each_trial_of_a_search_is_a_run(project: Path) -> None:
    callback = Callback()
    pipeline = trainer(callback, num_train_epochs=1)
    for trial in ("lr-1", "lr-2"):
        pipeline.state.trial_name = trial
        pipeline.state.is_hyper_param_search = True
        callback.on_train_begin(pipeline.args, pipeline.state, pipeline.control, model=pipeline.model)
    assert sorted((run.name, run.group, run.state) for run in gitreg.Api().runs()) == [
        ("lr-1", "out", "finished"),
        ("lr-2", "out", "running"),
    ]


def test_another_process_of_the_world_logs_nothing(project: Path) -> None:
    callback = Callback(log_model="end")
    pipeline = trainer(callback)
    pipeline.state.is_world_process_zero = False
    callback.on_train_begin(pipeline.args, pipeline.state, pipeline.control, model=pipeline.model)
    callback.on_log(pipeline.args, pipeline.state, pipeline.control, model=pipeline.model, logs={"loss": 1.0})
    callback.on_train_end(pipeline.args, pipeline.state, pipeline.control, model=pipeline.model)
    assert gitreg.run is None
    assert gitreg.Api().runs() == []


def test_a_word_for_log_model_that_means_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITREG_LOG_MODEL", "always")
    with pytest.raises(gitreg.UsageError, match="log_model 'always'"):
        Callback()
