"""Tables and media that `Run.log` is given: where they are, and that they outlive a kill."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gitreg
from conftest import Shell
from gitreg import Audio, Histogram, Image, Table
from gitreg.errors import StorageError, UsageError


def picture(seed: int = 0, **more: Any) -> Image:
    return Image(np.random.default_rng(seed).random((4, 4)), **more)


def found(reference: Any) -> Any:
    """What a reference in a history or summary leads to."""
    return gitreg.Api().artifact(reference["artifact"]).get(reference["path"])


def staged(project: Path) -> list[str]:
    folder = project / ".git" / "gitreg" / "media"
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_media_become_one_artifact_when_the_run_ends(project: Path) -> None:
    with gitreg.init() as run:
        for step in range(3):
            run.log({"loss": 1.0, "a/b img": picture(step, caption=f"step {step}")})
        reference = dict(run.summary["a/b img"])
        assert reference == {
            "_type": "image-file",
            "artifact": f"run-{run.id}-media",
            "path": f"media/image/a_b_img_2_{reference['sha256'][:20]}.png",
            "sha256": reference["sha256"],
            "size": len(picture(2).data),
            "format": "png",
            "caption": "step 2",
        }
        assert len(staged(project)) == 6
        assert gitreg.Api().run(run.id).logged_artifacts() == []
    (artifact,) = gitreg.Api().run(run.id).logged_artifacts()
    assert (artifact.name, artifact.type, artifact.file_count) == (f"run-{run.id}-media:v0", "run_media", 6)
    assert found(reference) == picture(2, caption="step 2")
    assert found(gitreg.Api().run(run.id).summary["a/b img"]) == picture(2, caption="step 2")
    assert staged(project) == []


@pytest.mark.parametrize("holds", ["itself", "itself twice", "much"])
def test_what_is_nested_too_deep_is_refused_and_the_run_is_kept(project: Path, holds: str) -> None:
    value: list[object] = []
    value += [value] * {"itself": 1, "itself twice": 2, "much": 0}[holds]
    for _ in range(3000 if holds == "much" else 0):
        value = [value]
    with gitreg.init() as run:
        for given in (value, {"inner": value}, (picture(), value)):
            with pytest.raises(UsageError, match="nested deeper than 24 levels"):
                run.log({"x": given})
        run.log({"loss": 1})
    assert gitreg.Api().run(run.id).summary == {"loss": 1}


def test_media_are_found_as_deep_as_values_go(project: Path) -> None:
    value: object = picture()
    for _ in range(22):
        value = [value]
    with gitreg.init() as run:
        run.log({"x": value})
        kept = run.summary["x"]
    for _ in range(22):
        (kept,) = kept
    assert found(kept) == picture()


def test_what_holds_no_media_is_recorded_as_where_nothing_that_makes_them_is_loaded(project: Path) -> None:
    @dataclass
    class Output(dict[str, Any]):
        loss: float
        hidden: None = None

        def __post_init__(self) -> None:
            self["loss"] = self.loss

    with gitreg.init() as run:
        run.log({"output": Output(1.0)})
        assert run.summary["output"] == {"loss": 1.0, "hidden": None}


def test_a_table_is_an_artifact_at_once(project: Path) -> None:
    with gitreg.init() as run:
        table = Table(["n"], [[1]])
        run.log({"predictions": table})
        first = dict(run.summary["predictions"])
        assert (first["_type"], first["nrows"], first["ncols"]) == ("table-file", 1, 1)
        assert first["artifact"] == f"run-{run.id}-predictions:v0"
        assert found(first).data == [[1]]
        run.log({"predictions": table})
        assert run.summary["predictions"]["artifact"] == first["artifact"]
        table.add_data(2)
        run.log({"predictions": table})
        assert found(run.summary["predictions"]).data == [[1], [2]]
        assert found(first).data == [[1]]
    assert gitreg.Api().artifact(first["artifact"]).type == "run_table"


def test_media_in_lists_and_mappings_are_found_there(project: Path) -> None:
    with gitreg.init() as run:
        run.log({"all": [picture(1), picture(2), "text"], "by": {"name": (picture(3),), "n": 5}})
        sound = Audio(np.zeros(5), sample_rate=10)
        run.log({"sound": sound, "h": Histogram([1, 2, 2], num_bins=2), "plain": {"x": [1]}})
        summary = dict(run.summary)
    assert [found(item) for item in summary["all"][:2]] == [picture(1), picture(2)]
    assert summary["all"][2] == "text"
    assert found(summary["by"]["name"][0]) == picture(3)
    assert summary["by"]["n"] == 5
    assert found(summary["sound"]) == sound
    assert summary["h"] == {"_type": "histogram", "values": [1, 2], "bins": [1, 1.5, 2]}
    assert summary["plain"] == {"x": [1]}


def test_figures_pictures_and_data_frames_are_media_and_tables(project: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(1, 1))
    with gitreg.init() as run:
        run.log(
            {"figure": figure, "axes": axes, "plt": plt, "frame": pd.DataFrame({"n": [1, 2]}), "series": pd.Series([1])}
        )
        run.log({"picture": picture().image})
        summary = dict(run.summary)
    plt.close(figure)
    assert found(summary["figure"]) == found(summary["axes"]) == found(summary["plt"])
    assert found(summary["picture"]).to_data_array().tolist() == picture().to_data_array().tolist()
    assert found(summary["frame"]).data == [[1], [2]]
    assert summary["series"] == [1]


def test_a_run_that_goes_on_later_keeps_what_it_had(project: Path) -> None:
    with gitreg.init(id="first1") as run:
        run.log({"img": picture(1)})
        first = dict(run.summary["img"])
    with gitreg.init(id="first1", resume="must") as run:
        run.log({"img": picture(2)})
    again = gitreg.Api().artifact("run-first1-media:latest")
    assert (again.version, again.file_count) == ("v1", 2)
    assert found(first) == picture(1)
    with gitreg.init(id="first1", resume="must"):
        pass
    assert gitreg.Api().artifact("run-first1-media:latest").version == "v1"


def test_what_is_dropped_or_too_late_is_not_kept(project: Path) -> None:
    run = gitreg.init()
    run.log({"a": 1}, step=5)
    run.log({"img": picture(), "t": Table(["a"], [[1]])}, step=2)
    assert staged(project) == []
    run.finish()
    with pytest.raises(UsageError):
        run.log({"img": picture()})
    assert staged(project) == []
    assert gitreg.Api().run(run.id).logged_artifacts() == []


def test_a_run_that_records_nothing_keeps_nothing(project: Path) -> None:
    with gitreg.init(mode="disabled") as run:
        run.log({"img": picture(), "t": Table(["a"], [[1]])})
        # words, because not even a picture is encoded
        assert {key: type(value) for key, value in run.summary.items()} == {"img": str, "t": str}
    assert staged(project) == []


def test_a_picture_that_cannot_be_kept_is_in_no_history(project: Path) -> None:
    (project / ".git" / "gitreg").mkdir(exist_ok=True)
    (project / ".git" / "gitreg" / "media").write_text("in the way")
    with gitreg.init() as run:
        with pytest.raises(StorageError, match="cannot be kept"):
            run.log({"img": picture()})
        assert dict(run.summary) == {}
        (project / ".git" / "gitreg" / "media").unlink()
        run.log({"img": picture()})
    assert found(run.summary["img"]) == picture()


KILLED = """
import os, signal, sys
import numpy as np
import gitreg
run = gitreg.init(id="killed")
run.log({"img": gitreg.Image(np.eye(4), caption="before")})
run.log_artifact(sys.argv[1])  # which writes down all that was logged before
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_media_of_a_killed_run_are_recovered_with_it(project: Path, sh: Shell) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, "README"], cwd=project, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(staged(project)) == 2
    sh("gitreg run recover", cwd=project)
    run = gitreg.Api().run("killed")
    assert run.state == "crashed"
    assert found(run.summary["img"]).caption == "before"
    assert staged(project) == []
    sh("gitreg fsck", cwd=project)


def test_a_run_shows_what_they_are_and_where(project: Path, sh: Shell) -> None:
    with gitreg.init(id="r1") as run:
        run.log({"loss": 1, "img": picture(1), "all": [picture(2), picture(3)], "t": Table(["a"], [[1]])})
        one, both = run.summary["img"]["path"], run.summary["all"][0]["path"]
    lines = [" ".join(line.split()) for line in sh("gitreg show r1", cwd=project).splitlines()]
    assert f"summary img image-file run-r1-media {one}" in lines
    assert f"all image-file run-r1-media {both} and 1 more" in lines
    assert "t table-file run-r1-t:v0 t.table/table.json" in lines
    assert not [line for line in lines if "img.size" in line or "nrows" in line]


def test_an_array_of_many_numbers_is_the_histogram_of_the_finite_ones(project: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=(50, 100)).astype("float32")
    line = numbers.astype("float64").ravel()
    expected = Histogram(line)
    odd = np.concatenate([line, [np.nan, np.inf, -np.inf]])
    with gitreg.init(id="many") as run:
        run.log({"float32": numbers, "odd": {"inside": [odd]}, "truths": numbers > 0, "few": numbers[0]})
        run.log({"nothing": np.full(2000, np.nan), "words": np.array(["x"] * 2000), "series": pd.Series(line)})
    (first, second) = gitreg.Api().run("many").history(pandas=False)
    histogram = {"_type": "histogram", "values": expected.histogram, "bins": expected.bins}
    assert (first["float32"], first["odd"]) == (histogram, {"inside": [histogram]})
    assert (sum(first["truths"]["values"]), len(first["few"])) == (5000, 100)
    assert (sum(second["nothing"]["values"]), second["series"]) == (0, histogram)
    assert second["words"] == "array of shape (2000,), <U1"
