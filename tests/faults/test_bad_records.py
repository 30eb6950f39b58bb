"""Records from strangers: whatever a repository or a remote holds is read, shown or refused, and never obeyed.

All forgeries of a family stand in one repository beside good versions, so every command that lists things meets them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import badinput
import forge
import pytest
from badinput import MARK, Done
from forge import Forge
from forgeries import CHAINS, EVIL, FORGERIES, Forgery

import gitreg
from conftest import run_shell
from gitreg.records.objects import Oid
from gitreg.records.records import VERSION
from tally import INPUTS, Tally

FAMILIES = tuple(dict.fromkeys(item.family for item in FORGERIES))
# Of the large families `make test` tries some; `make faults` tries everything.
_MANY = 15


def names(family: str, *, full: bool) -> dict[str, Forgery]:
    """The forgeries of a family, by the collection that each is."""
    items = [item for item in FORGERIES if item.family == family]
    step = 1 if full else -(-len(items) // _MANY)
    return {f"bad{at}": item for at, item in enumerate(items[::step])}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the repositories lie."""
    return tmp_path_factory.mktemp("records")


@pytest.fixture
def made(folder: Path) -> Path:
    """The story's repository with its storage, without forgeries; made once."""
    if not (folder / "story").exists():
        (folder / "story").mkdir()
        run_shell(forge.STORY, folder / "story")
    return folder / "story"


@pytest.fixture
def forged(made: Path, folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository with the forgeries of the family that the test is parametrised by, made once."""
    family: str = request.node.callspec.params["family"]
    full: bool = request.getfixturevalue("full")
    world = folder / str(FAMILIES.index(family))
    if not world.exists():
        shutil.copytree(made, world, symlinks=True)
        forger = Forge(world / "repo")
        for name, item in names(family, full=full).items():
            item.make(forger, name)
        forger.write()
    monkeypatch.chdir(world / "repo")
    return world


def complaints(done: Done, name: str, *, refused: bool) -> list[str]:
    """What is wrong with how a forgery was met: it is refused with one error that names it, or shown."""
    found = [f"prints {character!r}" for character in badinput.raw(done.out + done.err)]
    if done.code not in ((1,) if refused else (0, 1)):
        found.append(f"exit code {done.code}")
    if done.code:
        errors = [line for line in done.err.splitlines() if line.startswith("error:")]
        # that bytes are not where a version says is about the storage, a clone that lacks an object about that
        about = (name, "storage 's (", "git cat-file failed: object ")
        if len(errors) != 1 or not any(words in errors[0] for words in about):
            found.append("not one error that names it")
        if name in done.err and "\nhint: " not in done.err:
            found.append("no hint")
        if done.out:
            found.append("data on standard output")
    if len(done.err) > 3_000:
        found.append("an error that nobody reads to its end")
    return [f"{what}: {(done.err or done.out)[:300]!r}" for what in found]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_forged_version_is_refused_or_shown_and_never_obeyed(
    forged: Path, tally: Tally, family: str, *, full: bool
) -> None:
    wrong: list[str] = []
    before = badinput.snapshot(forged)
    for name, item in names(family, full=full).items():
        if not (forged / "repo" / ".git" / "refs" / "tags" / f"{name}@v0").exists():
            tally.add(INPUTS, f"records: {family} (refused by Git)", tried=1, held=1)
            continue
        found = complaints(badinput.run("show", f"{name}:latest"), name, refused=item.refused)
        found += complaints(badinput.run("show", name), name, refused=False)
        found += complaints(badinput.run("get", name, "-o", str(forged / "out")), name, refused=item.refused)
        found += library(name)
        if full:
            found += complaints(badinput.run("show", f"{name}:latest", "--json"), name, refused=item.refused)
            found += complaints(badinput.run("lineage", name, "--format", "svg"), name, refused=False)
        shutil.rmtree(forged / "out", ignore_errors=True)
        after = badinput.snapshot(forged)
        found += [f"changes {path}" for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
        before = after
        tally.add(INPUTS, f"records: {family}", tried=1, held=int(not found))
        wrong += [f"{name}, {item.case}: {what}" for what in found]
    assert not wrong, "\n".join(wrong)
    assert not list(forged.rglob(MARK))


def library(name: str) -> list[str]:
    """What is wrong with what `import gitreg` says of a forgery."""
    try:
        found = gitreg.Api().artifact(name)
        _ = found.metadata, found.aliases, found.qualified_name, found.used_by(), found.logged_by(), repr(found)
    except gitreg.Error as error:
        return [] if name in str(error) or "commit " in str(error) else [f"the library does not name it: {error}"]
    except Exception as error:  # noqa: BLE001 - whatever it is, it is none of gitreg's
        return [f"the library: {error!r}"]
    return []


@pytest.mark.parametrize("family", FAMILIES)
def test_forgeries_hide_no_good_version_from_any_list(forged: Path, made: Path, tally: Tally, family: str) -> None:
    """What a list says of good versions, runs and aliases is what it says without the forgeries."""
    for command in (
        "ls --json", "ls good --json", "runs --json", "lineage --all --json", "alias ls --json", "status",
        "show good --json", "show good:v0 --json", "diff good:v0 good:v0 --json",
        "alias log model/Good:production --json",
    ):  # fmt: skip
        with tally.attempt(INPUTS, f"good versions beside: {family}"):
            done = badinput.run(*command.split())
            clean = badinput.run("-C", str(made / "repo"), *command.split())
            assert (done.code, clean.code) == (0, 0), (command, done.err)
            assert not badinput.raw(done.out + done.err), command
            assert not [line for line in done.err.splitlines() if not line.startswith(("note: ", "warning: "))], (
                command,
                done.err,
            )
            missing = good(clean.out) - good(done.out)
            assert not missing, (command, missing)


def good(text: str) -> set[str]:
    """What a command's JSON says of good things, item by item; of other text its lines."""
    try:
        document = json.loads(text)
    except ValueError:
        return set(text.splitlines())
    lists = [value for value in document.values() if isinstance(value, list)]
    return {json.dumps(item, sort_keys=True) for found in lists for item in found if "from" not in item}


def test_a_forged_link_hides_nothing_of_the_version_that_it_claims(
    made: Path, folder: Path, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = folder / "links"
    shutil.copytree(made, world, symlinks=True)
    monkeypatch.chdir(world / "repo")
    commands = ("show good:v0", "lineage good:v0", "lineage --all", "ls good", "runs", "show model/Good", "status")
    before = {command: badinput.run(*command.split()) for command in commands}
    forger = Forge(world / "repo")
    good, record = forger.oid("good@v0^{}"), forger.record
    place = {"artifact": "good", "version": "v0", "commit": str(good)}
    for case, name, text in (
        ("without a record", "model/a", "words\n"),
        ("with another's record", "model/b", forge.message("x", forge.block(VERSION, record))),
        ("of a newer schema", "model/c", forge.message("x", forge.block(VERSION, {"schema": 2}))),
        ("with two records", "model/d", forge.message("x", *[forge.block(VERSION, record)] * 2)),
        ("to another commit", "model/e", forge.message("x", forge.block(
            VERSION, {**record, "collection": "model/e", "link": {**place, "commit": "1" * 40}}))),
        ("in the collection itself", "good", forge.message("x", forge.block(VERSION, {**record, "number": 7}))),
        ("with escapes", "model/f", forge.message(EVIL, forge.block(VERSION, {**record, "collection": EVIL}))),
    ):  # fmt: skip
        forger.refs.clear()
        forger.refs[f"refs/tags/{name}@v7"] = forger.tagged(name, good, text)
        del forger.refs[f"refs/tags/{name}@v0"]
        forger.write()
        with tally.attempt(INPUTS, f"records: a link {case}"):
            for command, clean in before.items():
                done = badinput.run(*command.split())
                assert (done.code, badinput.raw(done.out + done.err)) == (0, set()), (command, done)
                if command not in ("ls good", "status"):
                    assert done.out == clean.out, command
    assert badinput.run("show", "model/e:v7").code == 1


@pytest.mark.parametrize("family", FAMILIES[:1])
def test_a_forged_chain_is_refused_and_hides_no_other_alias(forged: Path, tally: Tally, family: str) -> None:
    forger = Forge(forged / "repo")
    for at, chain in enumerate(CHAINS):
        chain.make(forger, f"alias{at}")
    forger.write()
    wrong: list[str] = []
    before = badinput.snapshot(forged)
    for at, chain in enumerate(CHAINS):
        name = f"model/Good:alias{at}"
        found: list[str] = []
        for command in (f"alias log {name}", f"show {name}", f"get {name} -o ../out", f"alias log {name} --json"):
            done = badinput.run(*command.split())
            shutil.rmtree(forged / "out", ignore_errors=True)
            if done.code not in (0, 1, 6):
                found.append(f"exit code {done.code}: {done.err[:300]}")
            if done.code and (name not in done.err.splitlines()[0] or "\nhint: " not in done.err):
                found.append(f"does not name it, or gives no hint: {done.err[:300]}")
            found += [f"prints {character!r}" for character in badinput.raw(done.out + done.err)]
        after = badinput.snapshot(forged)
        found += [f"changes {path}" for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
        before = after
        tally.add(INPUTS, "records: chains of an alias", tried=1, held=int(not found))
        wrong += [f"alias{at}, {chain.case}: {what}" for what in found]
    assert not wrong, "\n".join(wrong)
    listed = badinput.run("alias", "ls")
    assert "model/Good:production  v0" in listed.out
    assert not badinput.raw(listed.out + listed.err)
    lying = next(at for at, chain in enumerate(CHAINS) if chain.case == "a version of another collection")
    assert badinput.run("show", f"model/Good:alias{lying}").code == 1
    assert "not a version here" in next(line for line in listed.out.splitlines() if f":alias{lying} " in line)


# (what, how large it is made in `make test` and in `make faults`, the forgery of that size)
HEAVY: list[tuple[str, int, int, Callable[[Forge, str, int], object]]] = [
    ("a scalar of megabytes", 2, 10, lambda f, n, size: f.version(n, run=f"a: {'x' * (size << 20)}")),
    ("a tag's message above the limit of an object", 17, 64,
     lambda f, n, size: f.version(n, tag_message=lambda text: "x" * (size << 20) + text)),
    ("a commit's message above the limit of an object", 17, 64,
     lambda f, n, size: f.version(n, commit_message=lambda text: "x" * (size << 20) + text)),
    ("a commit of thousands of parents", 2, 30, lambda f, n, size: f.version(
        n, parents=tuple(Oid(number.to_bytes(20, "big")) for number in range(1, size * 1_000)))),
    ("a manifest above the limit of an object", 17, 64,
     lambda f, n, size: f.version(n, tree={"artifacts/NAME.sha256": b"x" * (size << 20)})),
    ("a manifest of a hundred thousand lines", 2, 100, lambda f, n, size: f.version(n, tree=_lines(size * 1_000))),
    ("a tree of ten thousand files", 1, 10, lambda f, n, size: f.version(
        n, tree={f"artifacts/{number}": b"" for number in range(size * 1_000)})),
    ("brackets that do not close", 1, 1, lambda f, n, size: f.version(n, run="a: " + "[" * ((size << 20) - 100))),
    ("a version's own .dvc/config of megabytes", 2, 10,
     lambda f, n, size: f.version(n, tree={".dvc/config": b"[" * (size << 20)})),
    ("a pointer of megabytes", 2, 10,
     lambda f, n, size: f.version(n, tree={"artifacts/NAME.dvc": b"[" * (size << 20)})),
]  # fmt: skip


def _lines(count: int) -> dict[str, bytes | None]:
    names = sorted(f"{number}" for number in range(count))
    return {
        "artifacts/NAME.sha256": "".join(f"{'0' * 64}  {name}\n" for name in names).encode(),
        "artifacts/NAME.files": "".join(f"{'f' * 32}  1  {name}\n" for name in names).encode(),
    }


@pytest.mark.parametrize("at", range(len(HEAVY)), ids=[heavy[0] for heavy in HEAVY])
def test_what_is_large_or_deep_takes_bounded_time_and_memory(
    made: Path, folder: Path, tally: Tally, at: int, *, full: bool
) -> None:
    """In processes that the system ends after 30 seconds of work or at 2 GB."""
    case, small, large, make = HEAVY[at]
    world = folder / f"heavy{at}"
    shutil.copytree(made, world, symlinks=True)
    forger = Forge(world / "repo")
    make(forger, "bad", large if full else small)
    forger.write()
    commands = ("show bad", "ls", "runs", "get bad -o ../out", "lineage bad", "show good:v0")
    for command in commands if full else commands[:1]:
        with tally.attempt(INPUTS, f"large records, bounded time and memory: {case}"):
            script = f"ulimit -t 30; ulimit -v {2 << 20}; exec gitreg {command}"
            done = subprocess.run(["sh", "-c", script], cwd=world / "repo", capture_output=True, check=False)
            assert done.returncode in ((0,) if command in ("ls", "runs", "show good:v0") else (0, 1)), done.stderr[
                -500:
            ]
            assert b"Traceback" not in done.stderr


def test_what_a_server_holds_is_read_like_what_is_here(
    made: Path, folder: Path, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The forgeries that Git lets pass, pushed to a server by their forger and fetched by somebody else."""
    world = folder / "served"
    shutil.copytree(made, world, symlinks=True)
    forger = Forge(world / "repo")
    some = [item for item in FORGERIES if not item.family.startswith(("fields", "objects"))][::9]
    for at, item in enumerate(some):
        item.make(forger, f"bad{at}")
    for at, chain in enumerate(CHAINS[:-1]):
        chain.make(forger, f"alias{at}")
    forger.write()
    run_shell(
        """
        git init --quiet --bare server.git
        cd repo && git push --quiet --no-verify ../server.git main
        # one by one: what lacks an object holds back all that is pushed with it
        for ref in $(git for-each-ref --format='%(refname)' refs/tags refs/gitreg); do
            git push --quiet --no-verify ../server.git "$ref:$ref" 2>/dev/null || true
        done
        cd ..
        git clone --quiet --no-tags file://"$PWD"/server.git other && cd other && gitreg init 2>/dev/null
        """,
        world,
    )
    monkeypatch.chdir(world / "other")
    for command in ("fetch", "ls", "runs", "alias ls", "lineage --all", "show good:v0", "show model/Good:production"):
        with tally.attempt(INPUTS, "forgeries on a server: fetched, and good versions beside them"):
            done = badinput.run(*command.split())
            assert done.code == 0, (command, done.err)
            assert not badinput.raw(done.out + done.err)
            if command == "fetch":
                assert "versions" in done.err, done
            assert "good" in done.out + done.err or command in ("fetch", "alias ls"), command
    for at in range(len(some)):
        with tally.attempt(INPUTS, "forgeries on a server: refused or shown by name"):
            done = badinput.run("show", f"bad{at}")
            assert done.code in (0, 1, 6)
            assert f"bad{at}" in done.out + done.err
