"""Many at once, all real processes: what one was told is done is there when all are quiet, and nothing is broken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import racers

from desks import Desk, World, alias_name
from gitreg.registry import aliases, runs, versions
from helpers import agrees
from tally import FAULTS, LOAD, Tally

Lines = list[list[str]]


def start(path: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A racer, see `racers.py`."""
    command = [sys.executable, racers.__file__, *arguments]
    return subprocess.Popen(command, cwd=path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def gitreg(path: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["gitreg", *arguments], cwd=path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ended(processes: Sequence[subprocess.Popen[bytes]]) -> Lines:
    """Wait for all; each line of what they printed, as words."""
    output = [process.communicate() for process in processes]
    failed = [err.decode() for process, (_, err) in zip(processes, output, strict=True) if process.returncode]
    assert not failed, "\n".join(failed)
    return [line.split() for out, _ in output for line in out.decode().splitlines()]


def first(lines: Lines, word: str) -> Lines:
    return [line[1:] for line in lines if line[0] == word]


def sound(desk: Desk) -> None:
    assert desk.sh("git fsck --strict --no-dangling 2>&1") == ""
    for version in versions.all_versions(desk.registry)[::13]:
        agrees(desk.path, str(version.name))


class Meanwhile:
    """A piece of shell that is repeated while the block runs; it may fail, it only must not do harm."""

    def __init__(self, path: Path, script: str) -> None:
        self._stop = path / ".git" / "stop"
        loop = f"while [ ! -e {self._stop} ]; do {script}; done"
        self._process = subprocess.Popen(
            ["sh", "-c", loop], cwd=path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._stop.touch()
        self._process.wait()
        self._stop.unlink()


# ---- one clone


@pytest.mark.parametrize("remote", [False, True], ids=["tags at once", "drafts"])
def test_processes_that_log_at_once_lose_no_version_and_share_no_number(
    desk: Desk, tally: Tally, *, remote: bool, full: bool
) -> None:
    if remote:
        desk.sh("git remote add origin ../nowhere.git")
        desk.reopen()
    writers, count = (16, 20) if full else (8, 5) if remote else (3, 2)
    lines = first(ended([start(desk.path, "log", str(who), str(count)) for who in range(writers)]), "version")
    told = {label: commit for label, commit, _ in lines}
    there = {version.name.label: str(version.commit) for version in versions.all_versions(desk.registry)}
    held = len(told.items() & there.items())
    tally.add(LOAD, f"{writers} processes log {count} versions each", tried=writers * count, held=held)
    assert len(lines) == len(told) == writers * count
    assert there == told
    assert set(there) == {f"v{number}" for number in range(writers * count)}
    found = [run for tip, _ in runs.tips(desk.registry).values() if (run := runs.chain(desk.registry, tip))]
    assert [len(run.outputs) for run in found] == [count] * writers
    assert all(run.complete and run.record.state == "finished" for run in found)
    sound(desk)


def test_equal_content_at_once_is_one_version(desk: Desk, tally: Tally, *, full: bool) -> None:
    writers = 16 if full else 8
    with tally.attempt(LOAD, f"{writers} processes log the same content"):
        lines = first(ended([start(desk.path, "log", str(who), "1", "same") for who in range(writers)]), "version")
        assert [made for _, _, made in lines].count("True") == 1
        assert len({(label, commit) for label, commit, _ in lines}) == 1
        assert desk.all() == ["m:v0 (unpublished)"]


@pytest.fixture
def three(desk: Desk) -> Desk:
    """`m` with three versions, and `m:production` on the first."""
    for content in ("zero", "one", "two"):
        desk.log("m", content)
    desk.promote("m:production", "v0")
    return desk


def test_processes_that_move_one_alias_make_one_chain(three: Desk, tally: Tally, *, full: bool) -> None:
    movers, count = (16, 20) if full else (10, 4)
    before = three.git("rev-parse refs/gitreg/aliases/m@production")
    lines = first(ended([start(three.path, "move", str(who), str(count)) for who in range(movers)]), "move")
    told = [before, *(tip for (tip,) in lines)]
    chain = three.git("rev-list --first-parent refs/gitreg/aliases/m@production").split()[:-1]
    held = len(set(told) & set(chain))
    tally.add(LOAD, f"{movers} processes move one alias {count} times each", tried=len(told), held=held)
    assert sorted(chain) == sorted(told)
    assert len(set(told)) == len(told)
    found = aliases.history(three.registry, alias_name("m:production"))
    assert [move.record.seq for move in found] == list(range(len(chain), 0, -1))
    sound(three)


def test_of_many_who_promote_from_the_same_state_one_wins_and_the_others_are_told(
    three: Desk, tally: Tally, *, full: bool
) -> None:
    movers = 16 if full else 6
    with tally.attempt(LOAD, f"{movers} processes promote from the same version: one wins"):
        line = ("alias", "set", "m:production", "--from", "v0", "--reason")
        # each to v1 or v2, so that nobody's move is somebody else's
        started = [gitreg(three.path, *line, f"by {who}", f"v{1 + who % 2}") for who in range(movers)]
        output = [process.communicate() for process in started]
        codes = sorted(process.returncode for process in started)
        assert codes == [0] + [5] * (movers - 1), [err.decode() for _, err in output]
        (winner,) = [who for who, process in enumerate(started) if process.returncode == 0]
        moves = aliases.history(three.registry, alias_name("m:production"))
        assert [move.record.reason for move in moves] == [f"by {winner}", ""]


THREADS = """
import gitreg, sys, threading
threads, count = map(int, sys.argv[1:])
with gitreg.init(id="a") as run:
    def work(who):
        for number in range(count):
            run.log({f"t{who}": number})
            artifact = gitreg.Artifact("data", "dataset")
            with artifact.new_file("number") as file:
                file.write(f"{who} {number}")
            print(run.log_artifact(artifact).wait().version, flush=True)
            run.use_artifact(artifact)
    started = [threading.Thread(target=work, args=(who,)) for who in range(threads)]
    [thread.start() for thread in started]; [thread.join() for thread in started]
"""


def test_threads_of_one_run_lose_no_version_and_no_step(project: Path, tally: Tally, *, full: bool) -> None:
    import gitreg as sdk

    threads, count = (16, 10) if full else (8, 2)
    command = [sys.executable, "-W", "error", "-c", THREADS, str(threads), str(count)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    there = [artifact.version for artifact in sdk.Api().artifacts("dataset", "data")]
    case = f"{threads} threads of one run log {count} versions and steps each"
    tally.add(LOAD, case, tried=threads * count, held=len({*done.stdout.split()} & {*there}))
    assert sorted(done.stdout.split()) == sorted(there)
    assert len(set(there)) == threads * count
    run = sdk.Api().run("a")
    assert len(run.used_artifacts()) == threads * count
    assert [row["_step"] for row in run.scan_history()] == list(range(threads * count))
    assert dict(run.summary) == {f"t{who}": count - 1 for who in range(threads)}


def test_git_gc_beside_writers_takes_nothing(desk: Desk, tally: Tally, *, full: bool) -> None:
    writers, count = (8, 20) if full else (3, 3)
    with Meanwhile(desk.path, "git gc --quiet --prune=now; git pack-refs --all"):
        lines = first(ended([start(desk.path, "log", str(who), str(count)) for who in range(writers)]), "version")
        desk.log("other", "x")
    there = {str(version.commit) for version in versions.all_versions(desk.registry)}
    held = len({commit for _, commit, _ in lines} & there)
    case = f"{writers} processes log {count} versions each beside 'git gc --prune=now' in a loop"
    tally.add(LOAD, case, tried=writers * count, held=held)
    assert held == writers * count
    for version in versions.all_versions(desk.registry):
        versions.listing(desk.registry, versions.details(desk.registry, version))
    sound(desk)


def test_git_gc_beside_a_run_takes_none_of_its_uncommitted_code(desk: Desk, tally: Tally, *, full: bool) -> None:
    count = 60 if full else 5
    with Meanwhile(desk.path, "git gc --quiet --prune=now"):
        for number in range(count):
            # more in every second one than is unpacked
            for name in range(150 if number % 2 else 3):
                path = desk.path / f"src{number}" / f"{name}.py"
                path.parent.mkdir(exist_ok=True)
                path.write_text(f"print({number}, {name})\n")
            desk.sh(f"echo {number} >m.bin; gitreg put m.bin --name m --type model")
            desk.sh(f"rm -r src{number - 1}" if number else "true")
    case = "'gitreg put' with uncommitted code beside 'git gc --prune=now' in a loop"
    found = {
        run.record.id: run.record.code
        for tip, _ in runs.tips(desk.registry).values()
        if (run := runs.chain(desk.registry, tip))
    }
    whole = 0
    for code in found.values():
        assert (code.snapshot, code.error) == (True, "")
        desk.git(f"rev-list --objects --quiet {code.commit}")
        whole += 1
    tally.add(LOAD, case, tried=count, held=whole)
    assert len(found) == count
    desk.sh("gitreg fsck")
    assert [path.name for path in (desk.path / ".git/objects").rglob("*") if path.suffix in (".keep", ".tmp")] == []
    sound(desk)


def test_an_alias_is_found_at_every_moment_while_it_is_published(three: Desk, tally: Tally, *, full: bool) -> None:
    three.sh("git remote add origin ../nowhere.git")
    three.reopen()
    three.sh("git update-ref refs/gitreg-remotes/origin/aliases/m@production refs/gitreg/aliases/m@production")
    writer = start(three.path, "settled", "a", "400" if full else "30")
    looked, seen = 0, 1
    while writer.poll() is None:
        found = three.alias("m:production")
        assert found
        assert found.record
        assert found.record.seq >= seen
        looked, seen = looked + 1, found.record.seq
    ended([writer])
    tally.add(LOAD, "an alias is read while its moves are published", tried=looked, held=looked)
    assert seen > 1


# ends its parent when it was told as much of a transaction as a pipe holds, or all of it; then does what it was told
_DEADLY_GIT = """#!{python}
import array, fcntl, os, pathlib, signal, stat, subprocess, sys, termios
if "update-ref" in sys.argv:
    waiting = array.array("i", [0])
    while stat.S_ISFIFO(os.fstat(0).st_mode) and waiting[0] < 65536:
        fcntl.ioctl(0, termios.FIONREAD, waiting)
    os.kill(os.getppid(), signal.SIGKILL)
done = subprocess.run(["git", *sys.argv[1:]], env={{**os.environ, "PATH": {path!r}}})
if "update-ref" in sys.argv:
    pathlib.Path(__file__).with_name("done").touch()
sys.exit(done.returncode)
"""


def test_a_transaction_whose_writer_is_killed_happens_as_a_whole_or_not_at_all(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tally: Tally
) -> None:
    (tmp_path / "bin").mkdir()
    git = tmp_path / "bin" / "git"
    git.write_text(_DEADLY_GIT.format(python=sys.executable, path=os.environ["PATH"]))
    git.chmod(0o755)
    with tally.attempt(FAULTS, "killed while git is told a transaction of 4000 refs"):
        with monkeypatch.context() as patch:
            patch.setenv("PATH", f"{git.parent}:{os.environ['PATH']}")
            process = start(desk.path, "change", "4000")
            process.communicate()
            assert process.returncode == -9
        # git goes on without its parent
        while not git.with_name("done").exists():
            os.sched_yield()
        assert len(desk.refs("refs/x")) in (0, 4000)


@pytest.mark.parametrize("lock", ["refs/gitreg/aliases/m@production", "refs/gitreg/aliases/m@production and HEAD"])
def test_a_lock_that_a_killed_git_left_is_named_and_waited_for_only_shortly(
    three: Desk, tally: Tally, lock: str
) -> None:
    for name in lock.split(" and "):
        (three.path / ".git" / f"{name}.lock").touch()
    with tally.attempt(LOAD, "a lock that a killed git left: one error, and nothing is changed"):
        process = gitreg(three.path, "alias", "set", "m:production", "v1")
        out, err = process.communicate()
        lines = err.decode().splitlines()
        assert (process.returncode, out) == (1, b"")
        assert [line.split()[0] for line in lines] == ["error:", "hint:"]
        assert "aliases/m@production.lock': File exists" in lines[0]
        assert three.place("m:production") == "m:v0"
    (three.path / ".git" / "refs/gitreg/aliases/m@production.lock").unlink()
    ended([gitreg(three.path, "alias", "set", "m:production", "v1")])


# ---- two clones and a server


# a server that refuses every third ref, whatever it is
_MOODY = """
n=$(cat mood 2>/dev/null || echo 0)
echo $((n + 1)) >mood
[ $((n % 3)) != 2 ] || { echo "not today" >&2; exit 1; }
"""


def quiet(desks: Sequence[Desk], world: World, told: Lines, tally: Tally, case: str) -> None:
    """When all have stopped, what they were told is published by one more push of each, and both see the same."""
    for desk in desks:
        # what somebody else promoted meanwhile under the shared name stands; one's own names have no other mover
        for refusal in desk.publish().refused:
            assert (refusal.name, refusal.lost_race) == ("m:shared", True), refusal
            aliases.reset(desk.registry, alias_name("m:shared"))
    made = {commit for _, commit, _ in first(told, "version")}
    promoted = {(commit, alias) for commit, alias in first(told, "promoted")}
    for desk in desks:
        assert desk.publish().refused == []
        desk.fetch()
        assert desk.refs("refs/gitreg/") == []
        found = versions.all_versions(desk.registry)
        held = made & {str(version.commit) for version in found}
        tally.add(LOAD, f"{case}: versions", tried=len(made), held=len(held))
        assert held == made
        # a refused push may leave a gap; no number is there twice
        numbers = [version.name.number for version in found]
        assert (len(numbers), numbers) == (len(made), sorted(set(numbers)))
        moves = {
            (str(move.record.now.commit), alias)
            for alias in {alias for _, alias in promoted}
            for move in aliases.history(desk.registry, alias_name(f"m:{alias}"))
            if move.record.now
        }
        tally.add(LOAD, f"{case}: promotions", tried=len(promoted), held=len(promoted & moves))
        assert moves == promoted
        chain = aliases.history(desk.registry, alias_name("m:shared"))
        assert [move.record.seq for move in chain] == list(range(len(chain), 0, -1))
        for version in found[::7]:
            agrees(desk.path, str(version.name), world.storage)
    assert world.on_server("git fsck --strict --no-dangling 2>&1") == ""


def test_two_clones_publish_and_promote_against_each_other_and_a_server_that_refuses(
    ada: Desk, bob: Desk, world: World, tally: Tally, *, full: bool
) -> None:
    count = 20 if full else 4
    world.hook("update", _MOODY)
    told = ended([start(desk.path, "work", desk.path.name, str(count)) for desk in (ada, bob)])
    (world.server / "hooks" / "update").unlink()
    quiet((ada, bob), world, told, tally, "two clones against each other, the server refuses every third ref")


def test_plain_git_beside_gitreg_disturbs_nothing(
    ada: Desk, bob: Desk, world: World, tally: Tally, *, full: bool
) -> None:
    count = 20 if full else 3
    plain = (
        "git fetch --quiet --prune --prune-tags --tags; git commit --quiet --allow-empty -m more;"
        " git pull --quiet --no-edit --tags; git push --quiet --tags"
    )
    with Meanwhile(ada.path, plain), Meanwhile(bob.path, plain):
        told = ended([start(desk.path, "work", desk.path.name, str(count)) for desk in (ada, bob)])
    quiet((ada, bob), world, told, tally, "beside 'git fetch --prune --prune-tags', 'git pull' and 'git push --tags'")


def test_several_pushes_of_one_clone_at_once_publish_everything_once(
    ada: Desk, bob: Desk, world: World, tally: Tally, *, full: bool
) -> None:
    for content in range(4):
        ada.log("m", str(content))
    ada.promote("m:shared", "v1")
    pushes = 8 if full else 3
    with tally.attempt(LOAD, f"{pushes} pushes of one clone at once"):
        ended([gitreg(ada.path, "push") for _ in range(pushes)])
        assert ada.publish().refused == []
        assert ada.refs("refs/gitreg/") == []
        assert [name for name in world.published() if "tags" in name] == [f"refs/tags/m@v{n}" for n in range(4)]
        bob.fetch()
        assert bob.place("m:shared") == "m:v1"


# notes what a push would bring and the storage lacks
_STRICT = """
for commit in $(git rev-list $3 --not --all); do
    for file in $(git ls-tree -r --name-only $commit -- artifacts | grep '[.]dvc$'); do
        md5=$(git show $commit:$file | sed -n 's/^- md5: //p')
        rest=${md5#??}
        [ -e STORAGE/files/md5/${md5%$rest}/$rest ] || echo "$1 $commit" >>lacking
    done
    echo "$1" >>seen
done
"""


def test_a_push_beside_a_writer_brings_no_ref_without_its_bytes(
    ada: Desk, world: World, tally: Tally, *, full: bool
) -> None:
    world.hook("update", _STRICT.replace("STORAGE", str(world.storage)))
    writers, count = (4, 50) if full else (2, 8)
    started = [start(ada.path, "log", str(who), str(count)) for who in range(writers)]
    pushes = 0
    while any(process.poll() is None for process in started):
        ended([gitreg(ada.path, "push")])
        pushes += 1
    ended(started)
    lacking = world.server / "lacking"
    tally.add(LOAD, "pushes beside writers: all bytes before their refs", tried=pushes, held=pushes - lacking.exists())
    assert not lacking.exists(), lacking.read_text()
    assert (world.server / "seen").exists()
    assert ada.publish().refused == []
    assert len([name for name in world.published() if "tags" in name]) == writers * count


READS = (
    ("ls",),
    ("ls", "m", "--json"),
    ("show", "m:shared", "--json"),
    ("alias", "log", "m:shared", "--json"),
    ("runs", "--json"),
    ("lineage", "m", "--format", "json"),
    ("status",),
)


def test_readers_beside_writers_never_fail(ada: Desk, tally: Tally, *, full: bool) -> None:
    ada.log("m", "first")
    ada.promote("m:shared", "v0")
    seen = dict.fromkeys(READS, 0)
    writer = start(ada.path, "work", "ada", "20" if full else "2")
    while writer.poll() is None:
        started = {command: gitreg(ada.path, *command) for command in READS}
        for command, process in started.items():
            with tally.attempt(LOAD, f"gitreg {command[0]} beside a writer and its pushes"):
                out, err = process.communicate()
                assert process.returncode == 0, (command, err.decode())
            if command[0] == "alias":
                count = len(json.loads(out)["moves"])
                assert count >= seen[command]
                seen[command] = count
    ended([writer])
    assert seen["alias", "log", "m:shared", "--json"]


_KILLED = """
import os, signal, gitreg
for number in range({count}):
    gitreg.init(reinit="create_new", id=f"killed{{number}}").log({{"loss": 1}})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_many_that_recover_the_same_runs_record_each_once(desk: Desk, tally: Tally, *, full: bool) -> None:
    count, many = (40, 6) if full else (6, 2)
    killed = subprocess.run([sys.executable, "-c", _KILLED.format(count=count)], cwd=desk.path, check=False)
    assert killed.returncode == -signal.SIGKILL
    command = [sys.executable, "-c", "import gitreg; gitreg.init().finish()"]
    started = [gitreg(desk.path, "run", "recover") for _ in range(many)]
    started += [subprocess.Popen(command, cwd=desk.path, stderr=subprocess.PIPE) for _ in range(many)]
    for process in started:
        process.communicate()
        assert process.returncode == 0
    for number in range(count):
        with tally.attempt(LOAD, "killed runs that many processes recover at once are recorded once each"):
            subjects = desk.git(f"log --format=%s refs/gitreg/runs/ki/killed{number}").splitlines()
            assert [subject for subject in subjects if subject.startswith("finish ")] == subjects[:1]
    assert desk.sh("gitreg fsck 2>/dev/null; ls .git/gitreg/journal") == ""
