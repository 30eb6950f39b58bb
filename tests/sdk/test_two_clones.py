"""An artifact that a process holds on to, while its draft gets another number."""

from __future__ import annotations

from pathlib import Path

import gitreg
from conftest import Shell


def log(clone: Path, text: str) -> gitreg.Artifact:
    artifact = gitreg.Artifact("data", "dataset")
    with artifact.new_file("x") as file:
        file.write(text)
    with gitreg.init(dir=clone, project="p") as run:
        run.log_artifact(artifact)
    return artifact


def test_a_renumbered_draft_keeps_its_identity(clones: tuple[Path, Path], sh: Shell) -> None:
    first, second = log(clones[0], "1"), log(clones[1], "2")
    commit = second.commit
    assert (first.version, second.version) == ("v0", "v0")
    sh("gitreg push", cwd=clones[0])
    sh("gitreg fetch && gitreg push", cwd=clones[1])
    assert (second.name, second.version, second.commit) == ("data:v1", "v1", commit)
    assert second.qualified_name == "p/data:v1"
    second.aliases.append("best")
    second.save()
    assert gitreg.Api(clones[1]).artifact("data:best").version == "v1"
    assert second.link("data/Data").source_name == "data:v1"
    with gitreg.init(dir=clones[1]) as run:
        run.use_artifact(second)
        assert gitreg.Api(clones[1]).run(run.id).used_artifacts()[0].name == "data:v1"
    assert Path(second.download(clones[1] / "out"), "x").read_text() == "2"
    sh("gitreg push", cwd=clones[1])
    sh("gitreg fetch", cwd=clones[0])
    best = gitreg.Api(clones[0]).artifact("data:best")
    assert Path(best.download(clones[0] / "out"), "x").read_text() == "2"
    logger = best.logged_by()
    assert logger
    assert logger.project == "p"
