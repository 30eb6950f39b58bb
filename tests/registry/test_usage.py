"""Who used which version, asked of the graph: the same as the index says."""

from __future__ import annotations

from desks import Desk
from gitreg.lineage import build
from gitreg.registry import index
from gitreg.registry.usage import Usage


def test_the_graph_and_the_index_know_the_same_runs(ada: Desk, bob: Desk) -> None:
    data = ada.log("data", "d", "dataset")
    made = ada.log("m", "one", use=[data])
    ada.log("report", "both", use=[data, made])
    ada.publish()
    # code that was merged is no run
    ada.sh("git switch --quiet --create side && git commit --quiet --allow-empty -m aside && git switch --quiet -")
    ada.sh("git commit --quiet --allow-empty -m here && git merge --quiet --no-edit side")
    ada.log("report", "later", use=[made])
    bob.fetch()
    for desk in (ada, bob):
        known = Usage(desk.reopen())
        with index.updated(desk.registry) as expected:
            for version in (data, made, ada.version("report:v0")):
                found = known.used_by(version.commit)
                assert found == expected.used_by(version.commit)
                assert [known.tip(run_id) for run_id in found] == [expected.tip(run_id) for run_id in found]
        graph = build.lineage_of(desk.registry, desk.version("m"))
        assert build.lineage_of(desk.registry, desk.version("m"), known=known) == graph
    assert len(Usage(ada.registry).used_by(made.commit)) == 2
    assert len(Usage(bob.registry).used_by(made.commit)) == 1


def test_a_run_that_has_no_ref_has_used_nothing(desk: Desk) -> None:
    data = desk.log("data", "d", "dataset")
    desk.log("m", "one", use=[data])
    (run_id,) = Usage(desk.registry).used_by(data.commit)
    desk.git(f"update-ref -d refs/gitreg/runs/{run_id[:2]}/{run_id}")
    known = Usage(desk.reopen())
    assert known.used_by(data.commit) == []
    assert known.tip(run_id) is None
