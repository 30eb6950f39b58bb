"""`gitreg fsck` finds damaged bytes, refs and objects, here and on the remote, and its remedies work."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from damaging import (
    DRAFT,
    PRODUCTION,
    Case,
    Ground,
    check,
    each,
    error,
    first_command,
    flip,
    note,
    told,
    verbatim,
    warning,
)

from tally import FAULTS, Tally


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Ground]]:
    with told(tmp_path_factory) as again:
        yield again


# --- bytes ----------------------------------------------------------------------------------------------------------


def published_file(ground: Ground) -> str:
    return ground.md5("mnist@v0", "model.bin")


def draft_file(ground: Ground) -> str:
    return ground.md5(f"{DRAFT}", "model.bin")


def pointer(ground: Ground, revision: str) -> str:
    """The md5 of a version's directory object."""
    text = ground.git(f"show '{revision}:artifacts/mnist.dvc'")
    return text.partition("md5: ")[2].split()[0]


def shorten(ground: Ground) -> None:
    place = ground.cached(published_file(ground))
    place.chmod(0o644)
    os.truncate(place, 3)


def lose(ground: Ground, md5: str) -> None:
    ground.cached(md5).unlink()
    (ground.work / ".git" / "gitreg" / "keep" / md5[:2] / md5[2:]).unlink()


def part(ground: Ground) -> None:
    """The cache's copy is damaged, and what is kept is another file with the right bytes."""
    place = ground.cached(draft_file(ground))
    text = place.read_bytes()
    place.unlink()
    place.write_bytes(text)
    flip(place)


def replace_object(ground: Ground) -> None:
    """The right size and the right md5 cannot be had, so the size is right, and the bytes another artifact's."""
    source, target = ground.cached(draft_file(ground)), ground.cached(published_file(ground))
    assert source.stat().st_size == target.stat().st_size
    shutil.copystat(target, source)
    target.unlink()
    shutil.copy2(source, target)


PUT_AGAIN = "gitreg put PATH --name mnist --type TYPE"
BYTES = [
    Case(
        "a flipped bit in the cached file of a published version",
        lambda ground: flip(ground.cached(published_file(ground))),
        (error("mnist:v0", "'model.bin' is damaged in the cache: its md5 is ", "'gitreg get mnist:v0' fetches it"),),
        mend=first_command("gitreg get mnist:v0 -o ../got"),
    ),
    Case(
        "a flipped bit in the only copy of an unpublished version",
        lambda ground: flip(ground.cached(draft_file(ground))),
        (error("mnist:v1", "'model.bin' is damaged in the cache: its md5 is ", PUT_AGAIN),),
        mend=first_command("gitreg put ../model.bin --name mnist --type model"),
    ),
    Case(
        "a flipped bit in the cache, and a good copy kept aside",
        part,
        (error("mnist:v1", "'model.bin' is damaged in the cache", PUT_AGAIN),),
        mend=first_command("true"),
    ),
    Case(
        "a cached file cut short",
        shorten,
        (
            error(
                "mnist:v0", "'model.bin' is damaged in the cache: it has 3 bytes instead of 12", "gitreg get mnist:v0"
            ),
        ),
    ),
    Case(
        "another file of the same size in a cached file's place",
        replace_object,
        (error("mnist:v0", "'model.bin' is damaged in the cache: its md5 is ", "gitreg get mnist:v0"),),
    ),
    Case(
        "a flipped bit in a cached directory object",
        lambda ground: flip(ground.cached(pointer(ground, "mnist@v0"))),
        (error("mnist:v0", "its directory object is damaged in the cache", "gitreg get mnist:v0"),),
        mend=first_command("true"),
    ),
    Case(
        "the bytes of an unpublished version gone",
        lambda ground: lose(ground, draft_file(ground)),
        (error("mnist:v1", "'model.bin' is not here, and nowhere else", PUT_AGAIN),),
        mend=lambda *_: "gitreg put ../model.bin --name mnist --type model",
    ),
    Case(
        "the directory object of an unpublished version gone",
        lambda ground: lose(ground, pointer(ground, DRAFT)),
        (error("mnist:v1", "its directory object is not here, and nowhere else", PUT_AGAIN),),
    ),
    Case(
        "a flipped bit on the storage",
        lambda ground: flip(ground.stored(published_file(ground))),
        (error("mnist:v0", "'model.bin' is damaged on the storage '/", "cp -f "),),
        remote=True,
        mend=verbatim,
    ),
    Case(
        "an object gone from the storage",
        lambda ground: ground.stored(published_file(ground)).unlink(),
        (error("mnist:v0", "'model.bin' is not on the storage '/", "cp -f "),),
        remote=True,
        mend=verbatim,
    ),
    Case(
        "an object gone from the storage, and damaged here",
        each(
            lambda ground: ground.stored(published_file(ground)).unlink(),
            lambda ground: flip(ground.cached(published_file(ground))),
        ),
        (
            error("mnist:v0", "'model.bin' is damaged in the cache", "gitreg get mnist:v0"),
            error(
                "mnist:v0",
                "'model.bin' is not on the storage",
                "run 'gitreg fsck --remote' in a clone whose cache has it",
            ),
        ),
        remote=True,
    ),
    Case(
        "the storage's folder not mounted",
        lambda ground: (ground.folder / "storage").rename(ground.folder / "elsewhere"),
        (error("storage '/", "is not there: its bytes were not checked", "mount it"),),
        remote=True,
        mend=lambda *_: "mv ../elsewhere ../storage",
    ),
]

# --- refs -----------------------------------------------------------------------------------------------------------

NOWHERE = "0123456789" * 4


def stale(ground: Ground, path: str) -> None:
    lock = ground.work / ".git" / path
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    before = time.time() - 3600
    os.utime(lock, (before, before))


def set_file(ground: Ground, ref: str, text: str) -> None:
    """A loose ref of any content, as a crash or an editor leaves it."""
    file = ground.work / ".git" / ref
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def lightweight(ground: Ground) -> None:
    ground.git("update-ref refs/tags/mnist@v0 'mnist@v0^0'")


def take_over(ground: Ground) -> None:
    """A lightweight tag where only gitreg's belong: a version is missing, and somebody's own has its form."""
    ground.git("tag 'tools@v3' HEAD && git tag -a -m 'a tool' 'tools@v4' HEAD")


REFS = [
    Case(
        "a version's tag whose object is gone",
        lambda ground: set_file(ground, "refs/tags/digits@v0", f"{NOWHERE}\n"),
        (error("refs/tags/digits@v0", f"it names object {NOWHERE}, which is not here", "&& gitreg fetch"),),
        mend=verbatim,
    ),
    Case(
        "a run's ref whose object is gone",
        lambda ground: set_file(ground, ground.published_run, f"{NOWHERE}\n"),
        (error("refs/gitreg-remotes/origin/runs/", "which is not here", "&& gitreg fetch"),),
        mend=verbatim,
    ),
    Case(
        "a ref emptied by a power cut",
        lambda ground: set_file(ground, "refs/tags/model/Digits@v0", ""),
        (error("refs/tags/model/Digits@v0", "the ref holds no object id", "&& gitreg fetch"),),
        mend=verbatim,
    ),
    Case(
        "an unpublished version's ref emptied by a power cut",
        lambda ground: set_file(ground, DRAFT, ""),
        (error(DRAFT, "the ref holds no object id", "git fsck --no-reflogs --lost-found"),),
        mend=lambda _, finding: finding.remedy.partition(": ")[2].replace(
            " ID", " $(git fsck --no-reflogs --lost-found | sed -n 's/^dangling tag //p')"
        ),
    ),
    Case(
        "a ref of a name that gitreg does not know",
        lambda ground: ground.git("update-ref refs/gitreg/drafts/con@v0 HEAD"),
        (
            error(
                "refs/gitreg/drafts/con@v0",
                "gitreg does not know such a name",
                "git update-ref -d refs/gitreg/drafts/con",
            ),
        ),
        mend=lambda *_: "git update-ref -d refs/gitreg/drafts/con@v0",
    ),
    Case(
        "an alias called latest",
        lambda ground: ground.git(f"update-ref refs/gitreg/aliases/mnist@latest {PRODUCTION}"),
        (error("refs/gitreg/aliases/mnist@latest", "gitreg does not know such a name", "git update-ref -d "),),
    ),
    Case(
        "a run's ref in another run's folder",
        lambda ground: ground.git(f"update-ref refs/gitreg/runs/zz/{ground.run} {ground.run_ref}"),
        (error("refs/gitreg/runs/zz/", "gitreg does not know such a name", "git update-ref -d refs/gitreg/runs/zz/"),),
    ),
    Case(
        "a version's tag without its tag object",
        lightweight,
        (
            error(
                "refs/tags/mnist@v0", "it is a lightweight tag", "git update-ref -d refs/tags/mnist@v0 && gitreg fetch"
            ),
        ),
        mend=verbatim,
    ),
    Case(
        "somebody's own tags, named like versions",
        take_over,
        (note("tools@v3", "2 tags are named like a version and none of gitreg's", "nothing to do"),),
    ),
    Case(
        "a draft's ref on a commit",
        lambda ground: ground.git(f"update-ref {DRAFT} '{DRAFT}^0'"),
        (error(DRAFT, "it points at a commit that is no version's tag", f"git update-ref -d {DRAFT}"),),
    ),
    Case(
        "a run's ref on a tree",
        lambda ground: ground.git(f"update-ref {ground.run_ref} 'HEAD^{{tree}}'"),
        (error("refs/gitreg/runs/", "it points at a tree, not at a commit", "git update-ref -d refs/gitreg/runs/"),),
    ),
    Case(
        "an unpublished run's ref deleted",
        lambda ground: ground.git(f"update-ref -d {ground.run_ref}"),
        (error("mnist:v1", "is on no chain of run ", "git update-ref refs/gitreg/runs/"),),
        mend=None,
    ),
    Case(
        "an unpublished version's ref deleted",
        lambda ground: ground.git(f"update-ref -d {DRAFT}"),
        (error("run ", "it logged 'mnist' in commit", "git fsck --no-reflogs --unreachable"),),
        mend=lambda _, finding: (
            finding.remedy.partition(": ")[2]
            .replace("@vN", "@v1")
            .replace(" TAG", " $(git fsck --no-reflogs --unreachable | sed -n 's/^unreachable tag //p')")
        ),
    ),
    Case(
        "a lock that a killed git left at a ref",
        lambda ground: stale(ground, "refs/gitreg/aliases/mnist@candidate.lock"),
        (warning("refs/gitreg/aliases/mnist@candidate.lock", "a lock is older than a minute", "at work here: rm "),),
        mend=lambda _, finding: finding.remedy.partition(": ")[2],
    ),
    Case(
        "a lock that a killed git left at packed-refs",
        lambda ground: stale(ground, "packed-refs.lock"),
        (warning("packed-refs.lock", "a lock is older than a minute", "at work here: rm "),),
        mend=lambda _, finding: finding.remedy.partition(": ")[2],
    ),
    Case(
        "a damaged packed-refs",
        each(lambda ground: ground.git("pack-refs --all"), lambda ground: set_file(ground, "packed-refs", "rubbish\n")),
        (error("packed-refs", "unexpected line in ", "put back a copy"),),
    ),
]

# --- Git objects ----------------------------------------------------------------------------------------------------


def swap_objects(ground: Ground) -> None:
    """The listing's file holds the bytes of another object."""
    target = ground.loose("mnist@v0:artifacts/mnist.files")
    target.unlink()
    shutil.copy2(ground.loose("HEAD:train.py"), target)


def flip_packed(ground: Ground, place: int) -> None:
    """Change a bit of a version's tag in the only pack, `place` bytes into what is there of it."""
    ground.git("repack -a -d -q --window=0")
    oid = ground.git("rev-parse mnist@v0")
    pack = next((ground.work / ".git" / "objects" / "pack").glob("*.pack"))
    lines = ground.git(f"verify-pack -v '{pack}'").splitlines()
    size, offset = next(line.split()[3:5] for line in lines if line.startswith(oid))
    pack.chmod(0o644)
    with pack.open("r+b") as file:
        file.seek(int(offset) + min(place, int(size) - 1))
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


REFETCH = "git fetch --refetch --tags origin"
OBJECTS = [
    Case(
        "the commit of a published version gone",
        lambda ground: ground.loose("digits@v0^0").unlink(),
        (error("digits:v0", " is not here", REFETCH),),
        mend=verbatim,
    ),
    Case(
        "the tree of a published version gone",
        lambda ground: ground.loose("mnist@v0:artifacts").unlink(),
        (error("mnist:v0", " is not here", REFETCH),),
        mend=verbatim,
    ),
    Case(
        "a manifest gone from Git",
        lambda ground: ground.loose("mnist@v0:artifacts/mnist.sha256").unlink(),
        (error("mnist:v0", " is not here", REFETCH),),
        mend=verbatim,
    ),
    Case(
        "a flipped bit in a Git object",
        lambda ground: flip(ground.loose("mnist@v0:artifacts/mnist.sha256")),
        (error("mnist:v0", " is damaged", REFETCH),),
        mend=verbatim,
    ),
    Case(
        "a Git object emptied by a power cut",
        each(
            lambda ground: ground.loose("mnist@v0").chmod(0o644),
            lambda ground: os.truncate(ground.loose("mnist@v0"), 0),
        ),
        (error("refs/tags/mnist@v0", " is damaged", REFETCH),),
        mend=verbatim,
    ),
    Case(
        "another object in a Git object's place",
        swap_objects,
        (error("mnist:v0", " is damaged", REFETCH),),
    ),
    *(
        Case(
            f"a flipped bit in a pack, {words}",
            partial(flip_packed, place=place),
            (error("refs/tags/mnist@v0", " is damaged", REFETCH),),
            mend=verbatim,
        )
        for words, place in {
            "in the size": 0,
            "in zlib's header": 2,
            "in the codes": 12,
            "inside": 60,
            "in the sum": 999,
        }.items()
    ),
    Case(
        "the code of a run gone",
        lambda ground: ground.loose("HEAD").unlink(),
        (error("run ", "its code, object ", REFETCH),),
        mend=verbatim,
    ),
]


# --- the remote -------------------------------------------------------------------------------------------------------


def on_server(script: str) -> Callable[[Ground], object]:
    return lambda ground: ground.sh(f"cd ../server.git && {script}")


REMOTE = [
    Case(
        "a version deleted on the remote",
        on_server("git update-ref -d refs/tags/digits@v0"),
        (
            error(
                "digits:v0",
                "'origin' does not have it: somebody deleted it there",
                "git push --no-verify origin refs/tags/",
            ),
        ),
        remote=True,
        mend=verbatim,
    ),
    Case(
        "a version moved on the remote",
        on_server("git update-ref refs/tags/digits@v0 refs/tags/mnist@v0"),
        (error("digits:v0", "a version never moves", "git push --no-verify --force origin refs/tags/digits@v0"),),
        remote=True,
        mend=lambda _, finding: finding.remedy.partition(": ")[2].partition(";")[0],
    ),
    Case(
        "an alias deleted on the remote",
        on_server("git update-ref -d refs/gitreg/aliases/model/Digits@production"),
        (error("model/Digits:production", "does not have it any more", "git push --no-verify origin "),),
        remote=True,
        mend=verbatim,
    ),
    Case(
        "an alias's history rewritten on the remote",
        on_server(
            "ref=refs/gitreg/aliases/model/Digits@production; git update-ref $ref $(git cat-file commit $ref |"
            " sed s/first/best/ | git hash-object -t commit -w --stdin)"
        ),
        (error("model/Digits:production", "history was taken away", "git push --no-verify --force origin "),),
        remote=True,
        mend=lambda _, finding: finding.remedy.partition(": ")[2],
    ),
    Case(
        "an alias set back on the remote",
        on_server("ref=refs/gitreg/aliases/model/Digits@production; git update-ref $ref $ref^1"),
        (error("model/Digits:production", "history was taken away", "git push --no-verify --force origin "),),
        remote=True,
    ),
    Case(
        "a run deleted on the remote",
        on_server("git for-each-ref --format='delete %(refname)' refs/gitreg/runs | head -1 | git update-ref --stdin"),
        (error("run ", "does not have it any more", "git push --no-verify origin "),),
        remote=True,
        mend=verbatim,
    ),
    Case(
        "a remote that cannot be reached",
        lambda ground: ground.server.rename(ground.folder / "elsewhere.git"),
        (error("remote 'origin'", "does not appear to be a git repository", "git ls-remote origin"),),
        remote=True,
        mend=lambda *_: "mv ../elsewhere.git ../server.git",
    ),
    Case(
        "drafts pushed to the remote by hand",
        lambda ground: ground.sh(
            "git push --quiet --no-verify origin 'refs/gitreg/drafts/*:refs/gitreg/drafts/*' && gitreg fetch"
        ),
        (
            warning(
                "refs/gitreg-remotes/origin/drafts/mnist@v1", "the remote has a draft", "git push --no-verify origin :"
            ),
        ),
        mend=verbatim,
    ),
]


CASES = [*BYTES, *REFS, *OBJECTS, *REMOTE]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.words)
def test_finds(case: Case, fresh: Callable[[], Ground], tally: Tally) -> None:
    with tally.attempt(FAULTS, f"fsck finds: {case.words}"):
        check(fresh(), case)
