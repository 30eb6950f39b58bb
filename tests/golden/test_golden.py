"""The golden repository of format 1 is what FORMAT.md says, and stock git, DVC and sha256sum can read it.

It is made by a shell script, not by gitreg: whatever gitreg's codecs become, these ids stay.
"""

from __future__ import annotations

import hashlib
import json
import math
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from gitreg.records.history import History, encode

if TYPE_CHECKING:
    from conftest import Shell

HERE = Path(__file__).parent
MAKE = HERE / "make.sh"

DATASET = {"back\\slash\nline.csv": b"0,1\n1,0\n", "labels.csv": b"seven\ntwo\n"}
MODELS = [{"model.bin": b"weights %d\n" % number, "層.json": b'{"layers": 1}\n'} for number in (0, 1)]
VERSIONS = [("mnist_dataset@v0", DATASET), ("mnist_model@v0", MODELS[0]), ("mnist_model@v1", MODELS[1])]

CONFIG: dict[str, Any] = {
    "optimizer": "adam",
    "batch_size": 128,
    "answer": "no",
    "build": "12e5678",
    "lr": 1e-3,
    "decay": 1e-5,
    "huge": 1e22,
    "whole": 2.0,
    "threshold": math.nan,
    "limit": -math.inf,
    "ceiling": math.inf,
    "title": "手書き数字",
    "note": "first line\nsecond line",
    "quoted": 'say "hi" \\ bye',
    "empty": "",
    "null": None,
    "y": [True, "true"],
    "date": "2026-01-02",
    "octal": "0o17",
    "base60": "1:30",
    "marks": "\u202e\u007f\ufeff\u2028\u0085",
    "path": "data/raw-v1.0+x",
    "nested": {"layers": [[784, 10], []], "2": {}},
    "key with space": 1,
}


@pytest.fixture
def golden(tmp_path: Path, sh: Shell) -> Path:
    path = tmp_path / "golden"
    sh(f"sh '{MAKE}' '{path}'")
    return path


def trailer(sh: Shell, repo: Path, key: str, revision: str) -> Any:
    return yaml.safe_load(sh(f"git log -1 --format='%(trailers:key={key},valueonly)' '{revision}^0'", cwd=repo))


def files_of(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_every_ref_has_the_id_that_is_written_down(golden: Path, sh: Shell) -> None:
    made = sh("git for-each-ref --format='%(objectname) %(refname)'", cwd=golden)
    assert made == (HERE / "ids.txt").read_text()


@pytest.mark.parametrize("shell", ["dash", "busybox"])
def test_another_shell_builds_the_same_repository(tmp_path: Path, sh: Shell, need: Any, shell: str) -> None:
    command = need(shell) + (" sh" if shell == "busybox" else "")
    sh(f"{command} '{MAKE}' other")
    made = sh("git for-each-ref --format='%(objectname) %(refname)'", cwd=tmp_path / "other")
    assert made == (HERE / "ids.txt").read_text()


def test_git_fsck_finds_nothing_to_complain_about(golden: Path, sh: Shell) -> None:
    assert sh("git fsck --strict --no-dangling 2>&1", cwd=golden) == ""


def test_git_and_a_yaml_parser_give_back_every_value_of_the_config(golden: Path, sh: Shell) -> None:
    run = trailer(sh, golden, "Gitreg-Run", "mnist_model@v0")
    assert list(run["config"]) == list(CONFIG)
    assert math.isnan(run["config"].pop("threshold"))
    expected = {key: value for key, value in CONFIG.items() if key != "threshold"}
    assert run["config"] == expected
    assert {key: type(value) for key, value in run["config"].items()} == {k: type(v) for k, v in expected.items()}


def test_the_run_of_a_version_is_a_record_with_its_inputs(golden: Path, sh: Shell) -> None:
    run = trailer(sh, golden, "Gitreg-Run", "mnist_model@v0")
    dataset = sh("git rev-parse mnist_dataset@v0^0", cwd=golden).strip()
    code, used = sh("git rev-parse mnist_model@v0^1 mnist_model@v0^2", cwd=golden).split()
    assert {key: value for key, value in run.items() if key != "config"} == {
        "schema": 1,
        "id": "3kf9a1xq",
        "name": "vague-morning-5",
        "job_type": "train_model",
        "group": "sweep-1",
        "project": "model-registry-dev",
        "entity": "example",
        "notes": "two lines\nof notes",
        "tags": ["baseline", "5 epochs"],
        "state": "running",
        "started": "2026-01-02T03:04:05Z",
        "code": {"commit": code, "snapshot": True},
        "summary": {"loss": 0.75},
        "inputs": [
            {
                "artifact": "mnist_dataset",
                "version": "v0",
                "commit": used,
                "digest": "8cf4da7cad2553bee62720a5c8709d90",
            }
        ],
    }
    assert used == dataset


def test_a_finished_run_holds_its_history_and_a_failed_one_says_so(golden: Path, sh: Shell) -> None:
    text = sh("git show refs/gitreg/runs/3k/3kf9a1xq:run/history.json", cwd=golden).encode()
    steps = list(History(text).rows())
    assert math.isnan(float(str(steps[1].pop("loss"))))
    assert steps == [
        {"_step": 0, "loss": 0.75},
        {"_step": 1, "val.loss": 1.5},
        {"_step": 2, "loss": 0.5, "accuracy": 0.875, "val.loss": 1.25},
    ]
    assert encode([steps[0], {"_step": 1, "loss": math.nan, "val.loss": 1.5}, steps[2]]) == text
    finished = trailer(sh, golden, "Gitreg-Run", "refs/gitreg/runs/3k/3kf9a1xq")
    failed = trailer(sh, golden, "Gitreg-Run", "refs/gitreg/runs/z0/z0serene")
    assert (finished["state"], failed["state"]) == ("finished", "failed")
    assert sh("git ls-tree -r refs/gitreg/runs/z0/z0serene", cwd=golden) == ""


@pytest.mark.parametrize(("tag", "files"), VERSIONS)
def test_the_records_of_a_version_describe_its_files(
    golden: Path, sh: Shell, tag: str, files: dict[str, bytes]
) -> None:
    name = tag.partition("@")[0]
    artifact = trailer(sh, golden, "Gitreg-Artifact", tag)
    version = yaml.safe_load(
        sh(f"git for-each-ref --format='%(contents:trailers:key=Gitreg-Version,valueonly)' refs/tags/{tag}", cwd=golden)
    )
    digests = {path: hashlib.md5(data) for path, data in sorted(files.items())}
    lines = "".join(f"{path}:{b64encode(md5.digest()).decode()}\n" for path, md5 in digests.items())
    directory = json.dumps([{"md5": md5.hexdigest(), "relpath": path} for path, md5 in digests.items()])
    manifest = sh(f"git show {tag}:artifacts/{name}.sha256", cwd=golden)
    assert artifact["digest"] == hashlib.md5(f"wandb-artifact-manifest-v1\n{lines}".encode()).hexdigest()
    assert artifact["pointer"] == hashlib.md5(directory.encode()).hexdigest() + ".dir"
    assert artifact["manifest"] == hashlib.sha256(manifest.encode()).hexdigest()
    assert (artifact["size"], artifact["files"]) == (sum(map(len, files.values())), len(files))
    assert {key: version[key] for key in ("type", "digest", "size", "files", "manifest")} == {
        key: artifact[key] for key in ("type", "digest", "size", "files", "manifest")
    }


@pytest.mark.parametrize(("tag", "files"), VERSIONS)
def test_dvc_get_gives_the_bytes_of_a_version_and_sha256sum_agrees(
    golden: Path, tmp_path: Path, sh: Shell, tag: str, files: dict[str, bytes]
) -> None:
    name = tag.partition("@")[0]
    sh(f"dvc get . artifacts/{name} --rev {tag} --out '{tmp_path}/got'", cwd=golden)
    assert files_of(tmp_path / "got") == files
    sh(f"git show {tag}:artifacts/{name}.sha256 >'{tmp_path}/manifest'", cwd=golden)
    sh(f"sha256sum --check --strict '{tmp_path}/manifest'", cwd=tmp_path / "got")


@pytest.mark.parametrize(("tag", "files"), VERSIONS)
def test_checkout_and_dvc_pull_give_the_bytes_and_leave_a_clean_status(
    golden: Path, sh: Shell, tag: str, files: dict[str, bytes]
) -> None:
    sh(f"git checkout --quiet {tag} && dvc pull", cwd=golden)
    assert files_of(golden / "artifacts" / tag.partition("@")[0]) == files
    assert sh("git status --porcelain", cwd=golden) == ""


@pytest.mark.parametrize(("tag", "files"), VERSIONS)
def test_the_pointer_is_what_dvc_add_writes(
    golden: Path, repo: Path, sh: Shell, tag: str, files: dict[str, bytes]
) -> None:
    name = tag.partition("@")[0]
    (repo / "artifacts" / name).mkdir(parents=True)
    for path, data in files.items():
        (repo / "artifacts" / name / path).write_bytes(data)
    sh(f"dvc add --quiet artifacts/{name}", cwd=repo)
    for path in (f"artifacts/{name}.dvc", "artifacts/.gitignore", ".dvc/.gitignore", ".dvc/config"):
        assert (repo / path).read_text() == sh(f"git show '{tag}:{path}'", cwd=golden)


def test_references_are_a_json_object_a_line_and_part_of_the_digest(golden: Path, sh: Shell) -> None:
    artifact = trailer(sh, golden, "Gitreg-Artifact", "web_dataset@v0")
    text = sh("git show web_dataset@v0:artifacts/web_dataset.references", cwd=golden)
    found = [json.loads(line) for line in text.splitlines()]
    assert artifact["references"] == {
        "manifest": hashlib.sha256(text.encode()).hexdigest(),
        "files": len(found),
        "size": sum(item["size"] for item in found),
    }
    by_path = {item["path"]: item for item in found}
    lines = {
        "labels/a.csv": by_path["labels/a.csv"]["etag"],
        "labels/日本.csv": b64encode(hashlib.md5(b"1,2\n").digest()).decode(),
        "line\nbreak": "ab12-2",
        "old.csv": "http://example.com/old.csv",
        "readme.txt": b64encode(hashlib.md5(b"see elsewhere\n").digest()).decode(),
        "unread": b64encode(hashlib.md5(b"file:///share/unread").digest()).decode(),
    }
    digest = hashlib.md5(b"wandb-artifact-manifest-v1\n")
    for path, value in sorted(lines.items()):
        digest.update(f"{path}:{value}\n".encode())
    assert artifact["digest"] == digest.hexdigest()


def test_an_alias_is_a_chain_whose_second_parent_is_the_version(golden: Path, sh: Shell) -> None:
    ref = "refs/gitreg/aliases/model/MNIST-dev@production"
    assert sh(f"git rev-parse {ref}^2", cwd=golden) == sh("git rev-parse mnist_model@v1^0", cwd=golden)
    assert sh(f"git log --first-parent --format=%s {ref}", cwd=golden).splitlines() == [
        "production -> model/MNIST-dev@v0",
        "production -> nothing",
        "production -> model/MNIST-dev@v0",
        "alias model/MNIST-dev@production",
    ]
    first = trailer(sh, golden, "Gitreg-Alias", f"{ref}~2")
    main = sh("git rev-parse main", cwd=golden).strip()
    bob = {"who": "Bob <bob@example.com>", "how": "declared"}
    assert first["by"] == {
        "asked": bob,
        "approved": [{"who": "carol", "how": "verified", "at": "2026-01-02T03:03:00Z"}],
        "merged": {**bob, "commit": main},
    }
    assert [item["value"] for item in first["evidence"]] == [0.98]
    assert (first["action"], first["seq"], first["reason"]) == ("set", 1, "first release")


def test_an_alias_is_all_that_a_deployment_has_to_fetch(golden: Path, tmp_path: Path, sh: Shell) -> None:
    sh(
        f"""
        git init --quiet deployment && cd deployment
        git fetch --quiet --depth=1 '{golden.as_uri()}' refs/gitreg/aliases/model/MNIST-dev@production
        git checkout --quiet FETCH_HEAD
        mkdir .dvc/cache && cp -r '{golden}/.dvc/cache/files' .dvc/cache
        dvc pull
        """
    )
    assert files_of(tmp_path / "deployment" / "artifacts" / "mnist_model") == MODELS[1]
    assert sh("git status --porcelain", cwd=tmp_path / "deployment") == ""


def test_what_is_said_of_a_collection_is_files_and_each_edit_a_commit(golden: Path, sh: Shell) -> None:
    ref = "refs/gitreg/collections/mnist_dataset@card"
    commit = sh("git rev-parse mnist_dataset@v0^0", cwd=golden).strip()
    assert sh(f"git ls-tree -r --name-only {ref}", cwd=golden).splitlines() == [
        "card.md",
        "collection.yaml",
        f"versions/0/v0.{commit}.yaml",
    ]
    about = yaml.safe_load(sh(f"git show {ref}:collection.yaml", cwd=golden))
    assert about == {"schema": 1, "description": "Digits, 8 x 8", "tags": ["vision", "手書き 2"]}
    stone = yaml.safe_load(sh(f"git show {ref}~1:deleted/0/v0.{commit}.yaml", cwd=golden))
    assert stone == {
        "schema": 1,
        "when": "2026-01-02T03:21:05Z",
        "by": "Ada Example <ada@example.com>",
        "reason": "wrong labels",
    }
    assert sh(f"git log --format=%s {ref}", cwd=golden).splitlines() == [
        "mnist_dataset:v0: undelete",
        "mnist_dataset:v0: delete",
        "mnist_dataset:v0: description, tags",
        "mnist_dataset: description, tags, card",
        "collection mnist_dataset@card",
    ]
    assert trailer(sh, golden, "Gitreg-Collection", f"{ref}~3")["changed"] == ["description", "tags", "card"]
