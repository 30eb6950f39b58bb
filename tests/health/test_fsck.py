"""What is sound has no findings, wherever it is looked at; what a check says, and that it leaves no trace.

Each kind of damage is in tests/faults/test_fsck_finds.py.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from conftest import Shell
from desks import Desk, World
from gitreg.errors import NotFoundError, UsageError
from gitreg.git.runner import Git
from gitreg.health.findings import Findings
from gitreg.health.fsck import Report, fsck
from gitreg.records.names import CollectionName
from gitreg.registry import editing, trees
from gitreg.registry.editing import Wanted
from gitreg.registry.repository import Registry

MAKE_GOLDEN = Path(__file__).parents[1] / "golden" / "make.sh"

# The collision of Wang, Feng, Lai and Yu (2004): six bits differ.
TWIN = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a"
    "085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
    "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
)
OTHER = bytes(byte ^ (0x80 if at in (19, 45, 59, 83, 109, 123) else 0) for at, byte in enumerate(TWIN))


SPOIL_ALL = (
    "find .dvc/cache -type f -exec chmod 644 '{}' + && for f in $(find .dvc/cache -type f); do echo x >>$f; done"
)


def look(path: Path, *collections: str, remote: bool = False) -> Report:
    with Registry.opened(path) as registry:
        return fsck(registry, collections, remote=remote)


def told(report: Report) -> list[tuple[str, str]]:
    return [(finding.severity, finding.subject) for finding in report.findings]


def everything(folder: Path) -> dict[str, tuple[object, ...]]:
    """Every file below a folder with its content, mode and times of change; folders with theirs."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        info = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(folder))] = (content, info.st_mode, info.st_mtime_ns, info.st_ino)
    return found


def story(ada: Desk) -> None:
    """A dataset, a model made of it, a registered model in production; one more model that is not published."""
    data = ada.log("digits", {"a.txt": "one", "sub/b.txt": "two"}, "dataset")
    model = ada.log("mnist", "weights one", use=[data])
    ada.link(model, "model/Digits")
    ada.promote("model/Digits:production", "v0", "the first")
    ada.publish()
    ada.log("mnist", "weights two", use=[data])
    ada.promote("model/Digits:staging", "v0")


class TestNothingIsFound:
    def test_in_a_clone_with_published_and_unpublished_versions(self, ada: Desk) -> None:
        story(ada)
        report = look(ada.path, remote=True)
        assert report.findings == ()
        assert (report.versions, report.runs, report.aliases) == (4, 3, 2)
        # the unpublished one's two are not on the storage
        assert report.objects == 7 + 5

    def test_without_a_remote(self, desk: Desk) -> None:
        desk.log("m", "one")
        desk.link(desk.log("m", "two"), "model/M")
        desk.promote("model/M:production", "v0")
        assert look(desk.path).findings == ()

    def test_in_a_repository_without_anything(self, repo: Path) -> None:
        report = look(repo)
        assert (report.findings, report.versions, report.objects) == ((), 0, 0)

    def test_in_the_golden_repository(self, tmp_path: Path, sh: Shell) -> None:
        sh(f"sh '{MAKE_GOLDEN}' golden")
        report = look(tmp_path / "golden")
        assert report.findings == ()
        assert (report.versions, report.runs, report.aliases, report.objects) == (5, 4, 3, 10)

    def test_on_the_server(self, world: World, ada: Desk) -> None:
        story(ada)
        report = look(world.server)
        assert (report.findings, report.versions, report.has_cache) == ((), 3, False)

    def test_in_a_fresh_clone_that_has_no_runs_no_aliases_and_no_bytes(self, world: World, ada: Desk) -> None:
        story(ada)
        bob = world.clone("bob")
        report = look(bob.path)
        assert (report.findings, report.versions, report.runs, report.objects) == ((), 3, 0, 0)
        bob.fetch()
        report = look(bob.path, remote=True)
        assert (report.findings, report.runs, report.aliases, report.objects) == ((), 2, 1, 5)

    def test_while_a_run_goes_on(self, ada: Desk) -> None:
        run = ada.start()
        assert look(ada.path).findings == ()
        run.log_artifact(ada.draft("m", "one"))
        assert look(ada.path).findings == ()
        ada.publish()
        assert look(ada.path, remote=True).findings == ()
        run.finish("finished")
        assert look(ada.path, remote=True).findings == ()

    def test_in_a_linked_worktree(self, ada: Desk) -> None:
        story(ada)
        ada.git("worktree add --quiet ../beside HEAD")
        report = look(ada.path.parent / "beside")
        assert (report.findings, report.objects) == ((), 7)

    def test_of_long_manifests_and_histories(self, world: World, ada: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(trees, "MAX_BLOB", 50)
        run = ada.start()
        for step in range(5):
            run.log_step({"_step": step, "loss": 1 / (step + 1)})
        run.log_artifact(ada.draft("m", {"a": "one", "b": "two"}))
        run.finish("finished")
        assert (look(ada.path).findings, look(ada.path).objects) == ((), 6)
        ada.publish()
        assert look(ada.path, remote=True).findings == ()
        bob = world.clone("bob")
        bob.fetch()
        report = look(bob.path)
        assert told(report) == [("note", "m:v0")] * 2
        assert {finding.problem for finding in report.findings} == {
            f"'m.{end}' is too large for Git and not in the cache, so its files were not checked"
            for end in ("sha256", "files")
        }


class TestWhatIsCut:
    def test_a_shallow_clone_says_that_it_is_one(self, world: World, ada: Desk) -> None:
        story(ada)
        bob = world.clone("bob", "--depth=1 --no-tags")
        bob.git("fetch --quiet --depth=1 --no-tags origin mnist@v0:refs/tags/mnist@v0")
        report = look(bob.path)
        assert told(report) == [("note", "this clone")]
        assert "it is shallow: " in report.findings[0].problem
        assert report.findings[0].remedy == "git fetch --unshallow"

    @pytest.mark.parametrize("kept", ["blob:none", "tree:0"])
    def test_a_partial_clone_is_not_filled_by_looking(self, world: World, ada: Desk, kept: str) -> None:
        story(ada)
        world.on_server("git config uploadpack.allowFilter true")
        bob = world.clone("bob", f"--no-checkout --filter={kept}")
        bob.git(f"fetch --quiet --filter={kept} origin '+refs/gitreg/*:refs/gitreg-remotes/origin/*'")
        before = everything(bob.path)
        report = look(bob.path)
        assert everything(bob.path) == before
        assert told(report) == [("note", "this clone")]
        assert "it is partial: " in report.findings[0].problem
        assert (report.versions, report.runs, report.aliases) == (3, 2, 1)


class TestTheCheckItself:
    @pytest.mark.parametrize("damage", ["true", "rm -rf .dvc/cache", SPOIL_ALL])
    def test_writes_nothing_anywhere(self, ada: Desk, world: World, damage: str) -> None:
        story(ada)
        ada.sh(damage)
        before = {folder: everything(folder) for folder in (ada.path, world.server, world.storage)}
        look(ada.path, remote=True)
        assert {folder: everything(folder) for folder in before} == before

    def test_needs_no_more_processes_for_more_versions(self, desk: Desk) -> None:
        def processes() -> int:
            seen: list[Sequence[str]] = []
            registry = Registry(Git.discover(desk.path, trace=lambda argv, _: seen.append(argv)))
            fsck(registry)
            registry.close()
            return len(seen)

        desk.log("m", "one")
        desk.promote("m:production", "v0")
        few = processes()
        for number in range(6):
            desk.log("m", f"content {number}")
            desk.promote("m:production", f"v{number + 1}")
        assert processes() == few

    def test_of_one_collection_leaves_the_others_alone(self, ada: Desk) -> None:
        story(ada)
        for place in (ada.path / ".dvc" / "cache").rglob("*"):
            if place.is_file():
                place.chmod(0o644)
                place.write_bytes(b"x" * place.stat().st_size)
        assert {subject for _, subject in told(look(ada.path))} == {"digits:v0", "mnist:v0", "mnist:v1"}
        report = look(ada.path, "digits")
        assert {subject for _, subject in told(report)} == {"digits:v0"}
        assert (report.versions, report.runs, report.aliases) == (1, 1, 0)
        report = look(ada.path, "model/Digits")
        assert (report.versions, report.runs, report.aliases) == (1, 1, 2)
        with pytest.raises(NotFoundError) as caught:
            look(ada.path, "digit")
        assert caught.value.hint == "did you mean 'digits'?"

    def test_asks_no_remote_where_there_is_none(self, desk: Desk) -> None:
        with pytest.raises(UsageError):
            look(desk.path, remote=True)

    def test_says_what_is_further_on_the_remote(self, ada: Desk, bob: Desk) -> None:
        story(ada)
        bob.fetch()
        ada.publish()
        ada.promote("model/Digits:production", None)
        editing.edit(ada.registry, CollectionName.parse("mnist"), Wanted(description="Digits"))
        ada.publish()
        (finding,) = look(bob.path, remote=True).findings
        assert (finding.severity, finding.remedy) == ("note", "gitreg fetch, then check again")
        # mnist:v1, its run, model/Digits:staging, the removal, and what was said of mnist
        assert finding.problem.startswith("5 of its versions, runs, aliases and cards are new")

    def test_a_broken_ref_here_does_not_hide_the_rest_of_the_remote(self, world: World, ada: Desk) -> None:
        story(ada)
        world.on_server("git update-ref -d refs/tags/digits@v0")
        ref = "refs/gitreg/aliases/model/Digits@production"
        world.on_server(f"git update-ref {ref} {ref}^1")
        (ada.path / ".git" / "refs" / "tags" / "mnist@v9").write_text("")
        assert told(look(ada.path, remote=True)) == [
            ("error", "digits:v0"),
            ("error", "refs/tags/mnist@v9"),
            ("warning", "remote 'origin'"),
        ]

    def test_a_version_of_before_there_was_a_remote_is_only_not_published(self, repo: Path, sh: Shell) -> None:
        alone = Desk(repo, sh)
        alone.log("m", "one")
        sh("git init --quiet --bare ../server.git && git remote add origin ../server.git", repo)
        sh("git push --quiet origin main", repo)
        report = look(repo, remote=True)
        alone.registry.close()
        assert told(report) == [("note", "m:v0")]
        assert report.findings[0].remedy == "gitreg push"

    def test_the_bytes_of_a_repository_without_a_remote_may_be_on_its_storage(self, ada: Desk) -> None:
        ada.log("m", "one")
        ada.publish()
        ada.git("remote remove origin")
        ada.sh("rm -rf .dvc/cache .git/gitreg/keep")
        (finding,) = look(ada.path).findings
        assert (finding.severity, finding.subject) == ("warning", "m:v0")
        assert finding.remedy == "'gitreg get m:v0' fetches it again"

    def test_a_storage_that_is_elsewhere_here_is_checked_there(self, ada: Desk, world: World) -> None:
        ada.log("m", "one")
        ada.publish()
        ada.sh(f"mv '{world.storage}' ../moved && dvc remote modify -q --local storage url ../moved")
        (finding,) = look(ada.path, remote=True).findings
        assert (finding.severity, finding.subject) == ("warning", f"storage '{world.storage}'")
        assert finding.problem.endswith("/moved' was checked instead")
        ada.sh("rm ../moved/files/md5/*/*[!r]")
        found = look(ada.path, remote=True).findings
        assert [(item.severity, item.subject) for item in found] == [
            ("error", "m:v0"),
            ("warning", f"storage '{world.storage}'"),
        ]

    def test_two_files_with_one_md5_are_found(self, ada: Desk, bob: Desk) -> None:
        ada.log("m", {"a.bin": TWIN})
        bob.log("n", {"b.bin": OTHER})
        ada.publish()
        bob.publish()
        ada.fetch()
        (finding,) = (item for item in look(ada.path).findings if "same md5" in item.problem)
        assert (finding.severity, finding.subject) == ("error", "n:v0")
        assert finding.problem == "'b.bin' and 'a.bin' of m:v0 have the same md5 and different contents"


def test_findings_stand_the_worst_first_and_numbers_by_their_value() -> None:
    findings = Findings("")
    findings.note("m:v1", "c", "")
    findings.error("m:v10", "a", "")
    findings.error("m:v9", "b", "")
    findings.error("m:v9", "a", "")
    findings.error("m:v9", "a", "")
    findings.warning("a", "d", "")
    assert [(item.subject, item.problem) for item in findings.sorted()] == [
        ("m:v9", "a"),
        ("m:v9", "b"),
        ("m:v10", "a"),
        ("a", "d"),
        ("m:v1", "c"),
    ]


class TestTheCommand:
    def test_prints_a_line_and_a_remedy_for_each_finding_and_what_was_checked(self, ada: Desk) -> None:
        story(ada)
        found = (path for path in (ada.path / ".dvc" / "cache").rglob("*") if path.is_file())
        damaged = next(path for path in found if path.read_bytes() == b"weights two")
        damaged.chmod(0o644)
        damaged.write_bytes(b"weights 2.0")
        ada.git("tag -m 'a tool' 'tools@v1'")
        done = subprocess.run(["gitreg", "fsck"], cwd=ada.path, capture_output=True, text=True, check=False)
        assert done.returncode == 3
        lines = done.stdout.splitlines()
        old, new = (hashlib.md5(text).hexdigest() for text in (b"weights two", b"weights 2.0"))
        assert lines[0] == f"error: mnist:v1: 'data.txt' is damaged in the cache: its md5 is {new} instead of {old}"
        assert lines[1].startswith(f"    rm -f {damaged} ")
        assert lines[2].startswith("note: tools@v1: ")
        assert len(lines) == 4
        assert done.stderr == "checked 4 versions, 3 runs, 2 aliases, 7 objects (298 bytes): 1 error, 1 note\n"

    def test_ends_well_when_there_are_only_warnings(self, ada: Desk) -> None:
        story(ada)
        ada.git("update-ref refs/gitreg-remotes/origin/drafts/mnist@v9 refs/tags/mnist@v0")
        done = subprocess.run(["gitreg", "fsck"], cwd=ada.path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout.split(":")[0]) == (0, "warning")

    def test_prints_one_document(self, ada: Desk) -> None:
        story(ada)
        ada.git("update-ref refs/gitreg/aliases/mnist@latest HEAD")
        done = subprocess.run(["gitreg", "fsck", "--json"], cwd=ada.path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (3, "")
        document = json.loads(done.stdout)
        (finding,) = document.pop("findings")
        assert document == {
            "schema": "gitreg/fsck/1",
            "checked": {"versions": 4, "runs": 3, "aliases": 2, "objects": 7, "bytes": 298},
            "errors": 1,
            "warnings": 0,
            "notes": 0,
        }
        assert set(finding) == {"severity", "subject", "problem", "remedy"}

    def test_names_from_strangers_are_quoted_in_what_one_is_told_to_run(self, ada: Desk, sh: Shell) -> None:
        ada.sh("git update-ref 'refs/gitreg/aliases/$(touch${IFS}hacked)@x' HEAD")
        (finding,) = look(ada.path).findings
        sh(finding.remedy.partition("&& ")[2], ada.path)
        assert look(ada.path).findings == ()
        assert not (ada.path / "hacked").exists()
