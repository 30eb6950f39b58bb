"""Edits of two clones at once, by real processes: nothing that was acknowledged is lost, whoever is faster."""

from __future__ import annotations

import json
import subprocess

from desks import Desk, World

_COUNT = 2
_LOOP = """
for n in $(seq {count}); do
    gitreg --quiet edit m --tag {who}-$n && gitreg --quiet edit m:v0 --tag {who}-$n --description {who} || exit 1
    # 5: somebody else was faster each time, or has described it too
    gitreg --quiet push || test $? = 5 || exit 1
done
"""


def test_tags_that_two_clones_add_at_the_same_time_are_all_there_in_the_end(world: World, ada: Desk, bob: Desk) -> None:
    ada.log("m", "zero")
    ada.publish()
    bob.fetch()
    started = [
        subprocess.Popen(
            ["sh", "-c", _LOOP.format(count=_COUNT, who=desk.path.name).replace(" --description ada", "")],
            cwd=desk.path,
            stderr=subprocess.PIPE,
        )
        for desk in (ada, bob)
    ]
    ends = [process.communicate()[1].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0], ends
    for desk in (ada, bob, ada):
        desk.sh("gitreg push && gitreg fetch")
    wanted = {f"{who}-{n}" for who in ("ada", "bob") for n in range(1, _COUNT + 1)}
    for desk in (ada, bob):
        assert desk.refs("refs/gitreg/collections") == []
        (row,) = json.loads(desk.sh("gitreg ls m --json"))["versions"]
        assert set(row["tags"]) == wanted
        assert set(json.loads(desk.sh("gitreg show m --json"))["tags"]) == wanted
    assert json.loads(ada.sh("gitreg show m:v0 --json"))["description"] == "bob"
    assert "nothing is wrong" in ada.sh("gitreg fsck --remote 2>&1")
    assert len(world.on_server("git log --format=%H refs/gitreg/collections/m@card").split()) == 4 * _COUNT + 1


def test_git_push_publishes_edits_and_fetch_tells_of_them(world: World, ada: Desk, bob: Desk) -> None:
    ada.log("m", "zero")
    ada.log("m", "one")
    ada.publish()
    bob.fetch()
    ada.sh("gitreg init && gitreg edit m --tag vision && gitreg delete m:v1 --reason wrong")
    assert "edit     m: tags; v1 deleted" in ada.sh("gitreg status")
    said = ada.sh("git push origin HEAD:refs/heads/more 2>&1")
    assert "published m: tags; v1 deleted\npublished 2 edits to 'origin'" in said
    assert "refs/gitreg/collections/m@card" in world.published()
    assert bob.sh("gitreg fetch 2>&1").splitlines()[-1] == "  m: tags; v1 deleted"
    assert bob.sh("gitreg show m:v1 2>&1 || echo $?").splitlines()[0] == (
        "error: 'm:v1' was deleted on 2026-01-02 by Ada Example: wrong"
    )
    assert "wrong" in bob.sh("gitreg show m:v1 --deleted")
