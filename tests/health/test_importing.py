"""Taking runs out of a bundle: numbers, names, doing it again, and bundles that somebody has tampered with."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Shell
from desks import Desk
from gitreg.errors import BundleError, NotFoundError, RecordError, RefusedError, TypeMismatchError
from gitreg.health import importing, unpacking
from gitreg.health.fsck import fsck
from gitreg.records.names import AliasName, CollectionName
from gitreg.registry import aliases, cards, links, runs
from gitreg.registry.bundle import Bundle
from gitreg.registry.draft import Draft
from gitreg.registry.start import start_run

BYTES = "refs/gitreg-bundle/bytes"
Pack = Callable[..., Path]


@pytest.fixture
def pack(tmp_path: Path, sh: Shell) -> Pack:
    """`pack(content, ...)`: a file with a run that logs each content as a version; `promote`: their links' alias."""

    def make(
        *contents: str, name: str = "m", type: str = "model", target: str = "run.bundle", promote: str = ""
    ) -> Path:
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        (source / "train.py").write_text("print('training')\n")
        bundle = Bundle.create(tmp_path / target, source)
        assert bundle
        run = start_run(bundle, config={"lr": 0.1})
        for content in contents:
            (source / "weights.txt").write_text(content)
            draft = Draft(CollectionName.parse(name), type, {"weights.txt": source / "weights.txt"})
            version, _ = run.log_artifact(draft)
            (source / "weights.txt").unlink()
            if promote:
                linked, _ = links.link(bundle, version, CollectionName.parse("model/M"))
                aliases.move(bundle, AliasName(linked.name.collection, promote), linked, reason="from the node")
        run.log_step({"_step": 0, "loss": 0.5})
        run.finish("finished")
        bundle.leave()
        return bundle.target

    return make


def refs(desk: Desk) -> str:
    return desk.git("for-each-ref")


def leftovers(desk: Desk) -> list[Path]:
    return list((desk.path / ".git").rglob(".gitreg-*"))


class TestTaking:
    def test_versions_get_the_next_free_numbers_and_what_names_them_follows(self, desk: Desk, pack: Pack) -> None:
        own = desk.log("m", "own")
        desk.link(own, "model/M")
        found = importing.take(desk.registry, pack("one", "two", promote="candidate"))
        assert {str(old): str(new) for old, new in found.versions.items()} == {
            "m:v0": "m:v1",
            "m:v1": "m:v2",
            "model/M:v0": "model/M:v1",
            "model/M:v1": "model/M:v2",
        }
        assert desk.place("model/M:candidate") == "model/M:v2"
        assert desk.moves("model/M:candidate") == ["candidate -> model/M@v2", "candidate -> model/M@v1"]
        link = desk.details("model/M:v2").record.link
        assert link
        assert str(link.version) == "m:v2"
        assert fsck(desk.registry).findings == ()
        assert leftovers(desk) == []

    def test_the_same_content_as_the_newest_version_is_a_version_all_the_same(self, desk: Desk, pack: Pack) -> None:
        desk.log("m", {"weights.txt": "same"})
        importing.take(desk.registry, pack("same"))
        assert desk.all() == ["m:v0 (unpublished)", "m:v1 (unpublished)"]

    def test_taking_it_again_changes_nothing(self, desk: Desk, pack: Pack) -> None:
        desk.log("m", "own")
        file = pack("one", promote="candidate")
        assert importing.take(desk.registry, file).new
        before = refs(desk)
        again = importing.take(desk.registry, file)
        assert (again.new, again.versions, again.left) == ([], {}, [])
        assert refs(desk) == before

    def test_what_is_lost_between_draft_and_run_comes_back(self, desk: Desk, pack: Pack) -> None:
        file = pack("one", "two", promote="candidate")
        importing.take(desk.registry, file)
        before = refs(desk)
        for gone in ("refs/gitreg/runs", "refs/tags/m@v1", "refs/tags/model/M@v1"):
            for name in desk.refs(gone):
                desk.git(f"update-ref -d {name}")
            importing.take(desk.registry, file)
            names = [line.split("\t")[1] for line in refs(desk).splitlines()]
            assert names == [line.split("\t")[1] for line in before.splitlines()]

    def test_checking_says_the_same_and_changes_nothing(self, desk: Desk, pack: Pack) -> None:
        desk.log("m", "own")
        file = pack("one")
        before = refs(desk), sorted(desk.path.rglob("*"))
        checked = importing.check(desk.registry, file)
        assert (refs(desk), sorted(desk.path.rglob("*"))) == before
        taken = importing.take(desk.registry, file)
        assert (checked.new, checked.versions, checked.bytes) == (taken.new, taken.versions, taken.bytes)

    def test_an_alias_that_names_something_else_here_stays(self, desk: Desk, pack: Pack) -> None:
        desk.link(desk.log("m", "own"), "model/M")
        desk.promote("model/M:candidate", "v0")
        found = importing.take(desk.registry, pack("one", promote="candidate"))
        assert found.left == [
            "alias 'model/M:candidate' names v0 here, and stays; to move it: gitreg alias set model/M:candidate v1"
        ]
        assert desk.place("model/M:candidate") == "model/M:v0"
        assert fsck(desk.registry).findings == ()

    def test_an_alias_that_came_later_is_taken_too(self, desk: Desk, tmp_path: Path) -> None:
        bundle = Bundle.create(tmp_path / "run.bundle", tmp_path)
        assert bundle
        run = start_run(bundle)
        (tmp_path / "weights.txt").write_text("one")
        draft = Draft(CollectionName.parse("m"), "model", {"weights.txt": tmp_path / "weights.txt"})
        version, _ = run.log_artifact(draft)
        run.finish("finished")
        assert importing.take(desk.registry, bundle.target).is_new
        aliases.move(bundle, AliasName(version.name.collection, "good"), version)
        bundle.leave()
        again = importing.take(desk.registry, bundle.target)
        assert (again.is_new, again.new, desk.place("m:good")) == (True, [], "m:v0")
        assert not importing.take(desk.registry, bundle.target).is_new

    def test_tags_and_descriptions_come_along_and_go_on_top_of_what_is_there(
        self, desk: Desk, tmp_path: Path, sh: Shell
    ) -> None:
        code = """
import gitreg
with gitreg.init() as run:
    run.log_artifact(gitreg.Artifact("m", "model"), tags=["from-node"])
"""
        for name, word in (("one", "1"), ("two", "2")):
            sh("mkdir -p node", tmp_path)
            run = f"GITREG_BUNDLE={name}.bundle {sys.executable} -c '{code.replace('from-node', word)}'"
            sh(run.replace("'m'", '"m"'), tmp_path / "node")
            assert importing.take(desk.registry, tmp_path / "node" / f"{name}.bundle").left == []
            assert not importing.take(desk.registry, tmp_path / "node" / f"{name}.bundle").is_new
        desk.reopen()
        for number, word in ((0, "1"), (1, "2")):
            state = cards.state(desk.registry, CollectionName.parse("m"))
            assert state.notes(desk.version(f"m:v{number}").place).tags == (word,)

    def test_a_run_of_that_id_with_other_content_is_refused(self, desk: Desk, pack: Pack) -> None:
        file = pack("one")
        (run_id,) = importing.take(desk.registry, file).new
        tip = runs.tip(desk.registry, run_id)
        other = desk.git(f"commit-tree -p {tip}^ -m other {tip}^{{tree}}")
        ref = f"refs/gitreg/runs/{run_id[:2]}/{run_id}"
        desk.git(f"update-ref {ref} {other}")
        with pytest.raises(RefusedError, match="is here already, and is another"):
            importing.take(desk.registry, file)
        # what the bundle has more of the same run is taken
        desk.git(f"update-ref {ref} {tip}^")
        assert importing.take(desk.registry, file).new == [run_id]
        assert runs.tip(desk.registry, run_id) == tip

    def test_a_collection_of_another_type_is_refused_before_anything_is_taken(self, desk: Desk, pack: Pack) -> None:
        desk.log("m", "own", type="dataset")
        before = refs(desk)
        with pytest.raises(TypeMismatchError):
            importing.take(desk.registry, pack("one"))
        assert refs(desk) == before

    def test_what_was_taken_is_published_like_everything_else(self, ada: Desk, bob: Desk, pack: Pack) -> None:
        bob.log("m", "bob's")
        bob.publish()
        importing.take(ada.registry, pack("one", promote="candidate"))
        assert ada.all() == ["m:v0 (unpublished)", "model/M:v0 (unpublished)"]
        ada.publish()
        bob.fetch()
        bob.reopen()
        assert bob.all() == ["m:v0", "m:v1", "model/M:v0"]
        bob.sh("gitreg get m:v1 -o got && test $(cat got/weights.txt) = one && gitreg fsck --remote")

    def test_it_can_be_taken_back(self, desk: Desk, pack: Pack) -> None:
        before = refs(desk)
        file = pack("one")
        (run_id,) = importing.take(desk.registry, file).new
        desk.sh(f"gitreg drop {run_id}")
        assert refs(desk) == before
        assert importing.take(desk.registry, file).new == [run_id]

    def test_many_files_and_a_long_history_travel(self, desk: Desk, tmp_path: Path) -> None:
        folder = tmp_path / "many"
        folder.mkdir()
        files = {f"{number:04}.txt": folder / f"{number:04}.txt" for number in range(300)}
        for name, place in files.items():
            place.write_text(name)
        bundle = Bundle.create(tmp_path / "many.bundle", tmp_path / "many")
        assert bundle
        run = start_run(bundle)
        run.log_artifact(Draft(CollectionName.parse("many"), "dataset", files))
        for step in range(700):
            run.log_step({"_step": step, "text": hashlib.sha256(str(step).encode()).hexdigest() * 30})
        run.finish("finished")
        bundle.leave()
        importing.take(desk.registry, bundle.target)
        report = fsck(desk.registry)
        assert report.findings == ()
        assert report.objects == 302


class Forger:
    """Takes a bundle apart and puts it together again, otherwise."""

    def __init__(self, path: Path, shell: Shell) -> None:
        self._path = path
        self._shell = shell

    def forge(self, file: Path, script: str) -> Path:
        self._shell("rm -rf forge && git init --quiet forge", self._path)
        self._shell(
            f"git fetch --quiet {file} 'refs/*:refs/*'\n{script}\n"
            "git bundle create --quiet ../forged.bundle $(git for-each-ref --format='%(refname)')",
            self._path / "forge",
        )
        return self._path / "forged.bundle"


@pytest.fixture
def forger(tmp_path: Path, sh: Shell) -> Forger:
    return Forger(tmp_path, sh)


EDIT_BYTES = f"""
export GIT_INDEX_FILE=$PWD/index
git read-tree {BYTES}
path=$(git ls-files | grep -v dir | head -1)
%s
git update-ref {BYTES} $(git commit-tree -m bytes $(git write-tree))
"""
RUN = "run=$(git for-each-ref --format='%(refname)' refs/gitreg/runs)\n"
OTHER = hashlib.md5(b"other").hexdigest()
FORGERIES = {
    "other bytes under an object's name": EDIT_BYTES
    % "git update-index --cacheinfo 100644,$(echo evil | git hash-object -w --stdin),$path",
    "bytes are missing": EDIT_BYTES % "git rm -q --cached $path",
    "bytes that nothing needs": EDIT_BYTES % "git update-index --add --cacheinfo"
    f" 100644,$(printf other | git hash-object -w --stdin),files/md5/{OTHER[:2]}/{OTHER[2:]}",
    "a file beside the objects": EDIT_BYTES
    % "git update-index --add --cacheinfo 100644,$(echo evil | git hash-object -w --stdin),.git-hook",
    "a link among the objects": EDIT_BYTES
    % "git update-index --add --cacheinfo 120000,$(printf /etc/passwd | git hash-object -w --stdin),files/md5/ab/cd",
    "a path that leads out": f"""
blob=$(echo evil | git hash-object -w --stdin)
inner=$(printf '100644 blob %s\\tevil\\n' $blob | git mktree)
tree=$(printf '040000 tree %s\\t..\\n' $inner | git mktree)
git update-ref {BYTES} $(git commit-tree -m bytes $tree)
""",
    "a small tree that names more bytes than any disk holds": f"""
tree=$(printf '100644 blob %s\\tx\\n' $(git hash-object -w --stdin </dev/null) | git mktree)
for level in $(seq 30); do
    tree=$(for name in a b c d e f g h; do printf '040000 tree %s\\t%s\\n' $tree $name; done | git mktree)
done
git update-ref {BYTES} $(git commit-tree -m bytes $tree)
""",
    "a small tree of nothing, again and again": f"""
tree=$(git mktree </dev/null)
for level in $(seq 30); do
    tree=$(for name in a b c d e f g h; do printf '040000 tree %s\\t%s\\n' $tree $name; done | git mktree)
done
git update-ref {BYTES} $(git commit-tree -m bytes $tree)
""",
    "a branch": "git update-ref refs/heads/main $(git commit-tree -m x $(git mktree </dev/null))",
    "a published version": "git update-ref refs/tags/m@v7 refs/gitreg/drafts/m@v0",
    "another input among the parents": RUN
    + 'git update-ref $run $(git cat-file commit $run | sed "0,/^author/s//parent $(git rev-parse $run~1^)'
    '\\nauthor/" | git hash-object -t commit -w --stdin)',
    "a config that was changed in one commit only": "git update-ref refs/gitreg/drafts/m@v0 $(git cat-file tag"
    " refs/gitreg/drafts/m@v0 | sed 's/^  type: model/  type: other/' | git hash-object -t tag -w --stdin)",
    "another manifest": RUN
    + """
export GIT_INDEX_FILE=$PWD/index
git read-tree $run~1
git update-index --cacheinfo 100644,$(echo evil | git hash-object -w --stdin),artifacts/m.sha256
commit=$(git cat-file commit $run~1 | sed "s/^tree .*/tree $(git write-tree)/" | git hash-object -t commit -w --stdin)
git update-ref $run $commit
git update-ref refs/gitreg/drafts/m@v0 $(git cat-file tag refs/gitreg/drafts/m@v0 |
    sed "s/^object .*/object $commit/" | git hash-object -t tag -w --stdin)
""",
    "more in a version's tree": RUN
    + """
export GIT_INDEX_FILE=$PWD/index
git read-tree $run~1
git update-index --add --cacheinfo 100644,$(echo evil | git hash-object -w --stdin),.github/workflows/x.yml
commit=$(git cat-file commit $run~1 | sed "s/^tree .*/tree $(git write-tree)/" | git hash-object -t commit -w --stdin)
git update-ref $run $commit
git update-ref refs/gitreg/drafts/m@v0 $(git cat-file tag refs/gitreg/drafts/m@v0 |
    sed "s/^object .*/object $commit/" | git hash-object -t tag -w --stdin)
""",
    "a version's tree that has no end": RUN
    + """
tree=$(printf '100644 blob %s\\tx\\n' $(git hash-object -w --stdin </dev/null) | git mktree)
for level in $(seq 30); do
    tree=$(for name in a b c d e f g h; do printf '040000 tree %s\\t%s\\n' $tree $name; done | git mktree)
done
tree=$( (git ls-tree $run~1 && printf '040000 tree %s\\tmore\\n' $tree) | git mktree)
commit=$(git cat-file commit $run~1 | sed "s/^tree .*/tree $tree/" | git hash-object -t commit -w --stdin)
git update-ref $run $commit
git update-ref refs/gitreg/drafts/m@v0 $(git cat-file tag refs/gitreg/drafts/m@v0 |
    sed "s/^object .*/object $commit/" | git hash-object -t tag -w --stdin)
""",
    "a version without its run": RUN + "git update-ref -d $run",
    "a run without its version": "git update-ref -d refs/gitreg/drafts/m@v0",
}


class TestTampering:
    @pytest.mark.parametrize("what", FORGERIES)
    def test_a_forged_bundle_is_refused_and_leaves_nothing(
        self, desk: Desk, pack: Pack, forger: Forger, what: str
    ) -> None:
        forged = forger.forge(pack("one"), FORGERIES[what])
        before = refs(desk), desk.git("count-objects -v")
        for verb in (importing.check, importing.take):
            with pytest.raises((BundleError, RecordError)):
                verb(desk.registry, forged)
        assert (refs(desk), desk.git("count-objects -v")) == before
        assert leftovers(desk) == []

    def test_what_was_put_together_again_unchanged_is_taken(self, desk: Desk, pack: Pack, forger: Forger) -> None:
        assert importing.take(desk.registry, forger.forge(pack("one"), "")).new

    def test_a_small_file_that_would_fill_the_disk_is_refused(
        self, desk: Desk, pack: Pack, forger: Forger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(unpacking, "_FREE", 0)
        forged = forger.forge(pack("0" * 1_000_000), "git repack -qadF")
        with pytest.raises(BundleError, match="more than an honest one can"):
            importing.take(desk.registry, forged)

    def test_a_file_that_is_cut_off_anywhere_is_refused(self, desk: Desk, pack: Pack, tmp_path: Path) -> None:
        whole = pack("one").read_bytes()
        before = refs(desk)
        place = tmp_path / "cut.bundle"
        for size in (0, 1, 16, 60, 200, 600, len(whole) // 2, len(whole) - 30, len(whole) - 1):
            place.write_bytes(whole[:size])
            with pytest.raises((BundleError, RecordError)):
                importing.take(desk.registry, place)
        assert refs(desk) == before

    def test_a_flipped_byte_anywhere_is_refused(self, desk: Desk, pack: Pack, tmp_path: Path) -> None:
        whole = pack("one").read_bytes()
        place = tmp_path / "flipped.bundle"
        for at in range(20, len(whole), len(whole) // 12):
            place.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises((BundleError, RecordError, NotFoundError)):
                importing.take(desk.registry, place)
        assert desk.all() == []

    def test_what_is_no_file_is_refused_and_nobody_waits_for_it(self, desk: Desk, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        for place in (tmp_path / "pipe", tmp_path, tmp_path / "nothing"):
            with pytest.raises(NotFoundError):
                importing.take(desk.registry, place)

    def test_nothing_that_the_code_of_a_run_brings_is_run(
        self, desk: Desk, pack: Pack, forger: Forger, tmp_path: Path
    ) -> None:
        sign = tmp_path / "owned"
        source = tmp_path / "source"
        source.mkdir()
        (source / ".gitattributes").write_text("* filter=x diff=x\n")
        (source / "post-checkout.sh").write_text(f"touch {sign}\n")
        (source / "setup.py").write_text(f"open({str(sign)!r}, 'w')\n")
        importing.take(desk.registry, pack("one"))
        assert not sign.exists()
