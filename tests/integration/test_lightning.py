from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset

import gitreg
from gitreg.integration.lightning import Logger, WandbLogger

# the frameworks' own warnings, of which there are new ones with each release
pytestmark = pytest.mark.filterwarnings("ignore")


class Line(LightningModule):  # type: ignore[misc]  # published without types
    def __init__(self, rate: float = 0.1, betas: tuple[float, float] = (0.9, 0.99)) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(1, 1)
        self.rate = rate

    def training_step(self, batch: Any, index: int) -> Any:
        x, y = batch
        loss = torch.nn.functional.mse_loss(self.layer(x), y)
        self.log("loss", loss)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        x, y = batch
        self.log("val_loss", torch.nn.functional.mse_loss(self.layer(x), y))

    def test_step(self, batch: Any, index: int) -> None:
        self.log("test_loss", 1.0)

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=self.rate)


@pytest.fixture
def data() -> Any:
    x = torch.arange(8.0).reshape(-1, 1) / 8
    return DataLoader(TensorDataset(x, 2 * x), batch_size=4)


def trainer(logger: Logger, *callbacks: Any, epochs: int = 2) -> Any:
    return Trainer(
        logger=logger,
        callbacks=list(callbacks),
        max_epochs=epochs,
        accelerator="cpu",
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=bool(callbacks),
    )


def kept(**options: Any) -> Any:
    return ModelCheckpoint(monitor="val_loss", filename="{epoch}", **options)


def test_a_training_is_a_run(project: Path, data: Any) -> None:
    logger = Logger(name="first try", project="lines", tags=["small"], prefix="a")
    assert (logger.version, logger.name) == (None, "lines")
    trainer(logger).fit(Line(rate=0.2), data, data)
    run = logger.experiment
    assert (run.name, run.project, run.tags, logger.version) == ("first try", "lines", ("small",), run.id)
    assert run.config.as_dict() == {"rate": 0.2, "betas": [0.9, 0.99]}
    # it is the active run
    gitreg.finish()
    found = gitreg.Api().run(run.id)
    assert found.state == "finished"
    assert {"a-loss", "a-val_loss", "a-epoch"} <= set(found.summary)
    rows = found.history(keys=["a-loss", "trainer/global_step"], pandas=False)
    assert [row["trainer/global_step"] for row in rows] == [0, 1, 2, 3]
    assert rows[-1]["a-loss"] == found.summary["a-loss"]


def test_a_run_that_is_active_is_used_and_goes_on(project: Path, data: Any) -> None:
    with gitreg.init(job_type="train", config={"rate": 5}) as run:
        logger = WandbLogger(project="other")
        pipeline = trainer(logger, epochs=1)
        pipeline.fit(Line(), data, data)
        pipeline.test(Line(), data, verbose=False)
        assert logger.experiment is run
        assert (run.job_type, run.project) == ("train", "")
        assert (run.config["rate"], run.summary["test_loss"]) == (0.1, 1.0)


def test_the_checkpoints_that_are_kept_are_logged_at_the_end(project: Path, data: Any) -> None:
    logger = Logger(log_model=True, save_dir="logs")
    trainer(logger, kept(save_top_k=1)).fit(Line(), data, data)
    run = logger.experiment
    (model,) = gitreg.Api().artifacts("model")
    assert model.name == f"model-{run.id}:v0"
    assert model.aliases == ["latest", "best"]
    assert [file.path for file in model.files()] == ["model.ckpt"]
    assert model.metadata["original_filename"] == "epoch=1.ckpt"
    assert model.metadata["score"] == pytest.approx(run.summary["val_loss"])
    assert model.metadata["ModelCheckpoint"]["monitor"] == "val_loss"
    assert (project / "logs" / "lightning_logs" / run.id / "checkpoints" / "epoch=1.ckpt").exists()


def test_with_all_each_checkpoint_is_logged_when_it_is_written(project: Path, data: Any) -> None:
    logger = Logger(log_model="all", checkpoint_name="line")
    trainer(logger, kept(save_top_k=1)).fit(Line(), data, data)
    logger.experiment.finish()
    second, first = gitreg.Api().artifacts("model", "line")
    assert (first.aliases, second.aliases) == ([], ["latest", "best"])
    assert [version.metadata["original_filename"] for version in (first, second)] == ["epoch=0.ckpt", "epoch=1.ckpt"]
    # a checkpoint is read back by Lightning
    folder = Logger.download_artifact("line:best")
    again = Line.load_from_checkpoint(f"{folder}/model.ckpt", weights_only=True)
    assert again.rate == 0.1


def test_without_log_model_nothing_is_logged(project: Path, data: Any) -> None:
    trainer(Logger(), kept()).fit(Line(), data, data)
    assert gitreg.Api().artifacts() == []


def test_an_artifact_that_is_used_is_an_input(project: Path) -> None:
    with gitreg.init() as run:
        run.log_artifact("README", name="words", type="text")
    logger = Logger()
    assert logger.use_artifact("words", artifact_type="text").name == "words:v0"
    assert Path(Logger.download_artifact("words:v0", save_dir="there"), "README").exists()
    run = logger.experiment
    run.finish()
    (used,) = gitreg.Api().run(run.id).used_artifacts()
    assert used.name == "words:v0"
    # without a run it is only read
    assert Logger.download_artifact("words:v0", artifact_type="text")


def test_tables_and_pictures_are_logged(project: Path) -> None:
    logger = Logger()
    logger.log_table("words", columns=["a", "b"], data=[[1, "x"]], step=3)
    logger.log_image("shades", [np.zeros((2, 2), "uint8"), torch.ones(2, 2).numpy()], caption=["dark", "light"])
    run = logger.experiment
    assert gitreg.Api().artifact(f"run-{run.id}-words").get("words").data == [[1, "x"]]
    assert [image["caption"] for image in run.summary["shades"]] == ["dark", "light"]
    with pytest.raises(gitreg.UsageError, match="1 in 'shades' and 2 in 'caption'"):
        logger.log_image("shades", [np.zeros((2, 2), "uint8")], caption=["dark", "light"])


def test_a_log_model_that_means_nothing_is_refused() -> None:
    with pytest.raises(gitreg.UsageError, match="log_model='some'"):
        Logger(log_model="some")  # type: ignore[arg-type]  # what is refused


def test_a_logger_is_not_sent_to_another_process() -> None:
    with pytest.raises(gitreg.UsageError, match="cannot be sent to another process"):
        pickle.dumps(Logger())


SPREAD = """
import torch
from {package} import Trainer
from {package}.demos.boring_classes import BoringModel
from gitreg.integration.lightning import Logger

logger = Logger(project="spread")
trainer = Trainer(
    logger=logger, accelerator="cpu", devices={devices}, strategy="{strategy}", max_epochs=1, limit_train_batches=2,
    limit_val_batches=1, log_every_n_steps=1, enable_progress_bar=False, enable_model_summary=False,
)
model = BoringModel()
trainer.fit(model)
logger.log_hyperparams({{"rank": trainer.global_rank}})
logger.log_metrics({{"rank": trainer.global_rank}})
"""


@pytest.mark.parametrize(
    ("package", "devices", "strategy"), [("pytorch_lightning", 1, "auto"), ("lightning.pytorch", 2, "ddp")]
)
def test_the_other_package_works_and_only_rank_zero_logs(
    project: Path, package: str, devices: int, strategy: str
) -> None:
    (project / "train.py").write_text(SPREAD.format(package=package, devices=devices, strategy=strategy))
    done = subprocess.run([sys.executable, "train.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (run,) = gitreg.Api().runs("spread")
    assert (run.state, run.config["rank"], run.summary["rank"]) == ("finished", 0, 0)
