"""The page about promotion by pull request, followed on a host that runs the workflows it has just been given."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pages
from test_docs import DOCS

if TYPE_CHECKING:
    from api_double import ApiDouble
    from host import Host, Method

PAGE = DOCS / "promote-by-pull-request.md"


class Story:
    """What the page has done on the host."""

    def __init__(self, host: Host, api: ApiDouble, method: Method) -> None:
        self._host = host
        self._api = api
        self._method = method

    def __call__(self, words: str) -> None:
        verb, *rest = words.split()
        if verb == "pushed":
            self._host.pushed()
        elif verb == "start":
            inputs = dict(word.split("=", 1) for word in rest[1:])
            done = self._host.started(rest[0], **inputs)
            assert done.result == "success", done.log
        elif verb == "open":
            self._host.open(rest[0])
        elif verb == "approve":
            self._api.approve(int(rest[0]))
        elif verb == "again":
            self._host.look_again(int(rest[0]))
        else:
            assert verb == "merge", words
            self._host.merge(int(rest[0]), self._method)


@pytest.mark.xdist_group("ci")
def test_the_page_about_pull_requests_can_be_followed_by_each_way_to_merge(
    host: Host, api: ApiDouble, place: Path, tmp_path: Path
) -> None:
    blocks = pages.blocks(PAGE.read_text())
    merge = next(at for at, block in enumerate(blocks) if block.language == "host" and block.text.startswith("merge"))
    follow(blocks[:merge], host, api, place, "merge")
    # what comes before the first merge is the same for all, and takes most of the time
    folders = {place: tmp_path / "kept", tmp_path / "host": tmp_path / "kept-host"}
    for folder, kept in folders.items():
        shutil.copytree(folder, kept, symlinks=True)
    runs, branches, states = host.runs.copy(), host.branches.copy(), copy.deepcopy(api.states)
    methods: tuple[Method, ...] = ("merge", "squash", "rebase")
    for method in methods:
        for folder, kept in folders.items():
            shutil.rmtree(folder)
            shutil.copytree(kept, folder, symlinks=True)
        host.runs, host.branches = runs.copy(), branches.copy()
        api.states, api.merged = copy.deepcopy(states), {}
        follow(blocks[merge:], host, api, place, method)
        check(host, api)


def follow(blocks: list[pages.Block], host: Host, api: ApiDouble, place: Path, method: Method) -> None:
    try:
        pages.follow(PAGE.name, blocks, place, Story(host, api, method))
    except AssertionError as error:
        raise AssertionError(f"{method}: {error}\n{host.log}") from error


def check(host: Host, api: ApiDouble) -> None:
    """What the workflows have done is what the page says of them."""
    plans = [run for run in host.runs if run.workflow == "gitreg-plan.yml"]
    assert [run.result for run in plans] == ["failure", "success", "success"]
    (first,), (second,) = api.notes(1), api.notes(2)
    shown = [line.removeprefix("> ") for line in PAGE.read_text().splitlines() if line.startswith("> |")]
    assert shown == [line for line in first.body.splitlines() if line in shown]
    assert "`model/Digits:production` moves to `v1`" in second.body

    before, promoted, back = (run for run in host.runs if run.workflow == "gitreg-apply.yml")
    assert before.of("deploy") == "skipped"
    assert json.loads(before.job("apply").outputs["moved"]) == []
    for run, version, commit in ((promoted, "v3", promoted.event.sha), (back, "v1", back.event.sha)):
        assert run.result == "success"
        (moved,) = json.loads(run.job("apply").outputs["moved"])
        assert (moved["collection"], moved["alias"], moved["version"]) == ("model/Digits", "production", version)
        assert moved["merged"] == commit
        assert f"deploy model/: model/Digits:{version} is production" in run.job("deploy").log
        assert (run.artifacts["lineage"] / "lineage.svg").read_text().startswith("<?xml")
