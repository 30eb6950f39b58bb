"""Several clones of one registry: the same number twice, the same alias twice, and clones that have only a part."""

from __future__ import annotations

from pathlib import Path

import pytest
from stories import LOG, START, World, copy

# Two people with a clone each; both know version v0.
TWO = (
    START
    + """
echo 'weights zero' >../zero.bin
gitreg put ../zero.bin --name mnist --type model 2>/dev/null
git push --quiet
cd ..
git clone --quiet server.git other
cd other
git config remote.origin.url ../server.git
git config user.name 'Other User'
gitreg init 2>/dev/null
gitreg fetch 2>/dev/null
"""
)

# Both log v1, link it and promote the link, without knowing of each other.
BOTH_LOG = """
for clone in work other; do
    cd ../$clone
    echo "weights of $clone" >../$clone.bin
    gitreg run --name run-of-$clone --use mnist:v0 -- gitreg put ../$clone.bin --name mnist --type model 2>/dev/null
    gitreg link mnist:v1 model/Digits
    gitreg alias set mnist:best-of-$clone v1 --reason "by $clone" 2>/dev/null
    gitreg alias set model/Digits:$clone v0 2>/dev/null
    git pull --quiet --tags
done
"""


@pytest.fixture
def two(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two clones, `work` and `other`, that know the same."""
    return copy(TWO, tmp_path_factory, tmp_path / "world")


@pytest.fixture
def raced(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Both have logged mnist:v1; `work` has published its own."""
    world = copy(TWO + BOTH_LOG, tmp_path_factory, tmp_path / "world")
    world("git push --quiet")
    return world


class TestTheSameNumberTwice:
    def test_is_what_both_have_before_publishing(self, two: World) -> None:
        two(BOTH_LOG)
        for clone in ("work", "other"):
            assert [line["version"] for line in two.json("ls mnist", clone)["versions"]] == ["v1", "v0"]
            assert two.json("show mnist:v1", clone)["published"] is False

    def test_gives_the_second_the_next_one(self, raced: World) -> None:
        commit = raced.json("show mnist:v1", "other")["commit"]
        done = raced.attempt("git push", "other")
        assert done.code == 0, done.err
        assert "mnist:v1 is now v2: somebody else published v1 first" in done.err
        assert "model/Digits:v0 is now v1: somebody else published v0 first" in done.err
        assert raced.json("show mnist:v2", "other")["commit"] == commit
        assert raced.pending("other") == []
        assert [ref for ref in raced.published() if "tags" in ref] == [
            "refs/tags/mnist@v0",
            "refs/tags/mnist@v1",
            "refs/tags/mnist@v2",
            "refs/tags/model/Digits@v0",
            "refs/tags/model/Digits@v1",
        ]

    def test_takes_links_and_promotions_along(self, raced: World) -> None:
        raced("git push --quiet", "other")
        raced("gitreg fetch 2>/dev/null")
        for clone in ("work", "other"):
            for reference, content in {
                "mnist:v1": "weights of work",
                "mnist:v2": "weights of other",
                "mnist:best-of-work": "weights of work",
                "mnist:best-of-other": "weights of other",
                "model/Digits:v0": "weights of work",
                "model/Digits:v1": "weights of other",
                "model/Digits:work": "weights of work",
                "model/Digits:other": "weights of other",
            }.items():
                assert raced(f"cat $(gitreg get {reference} -o ../got-{clone})/*", clone) == f"{content}\n", reference
                raced("rm -r ../got-*")
        shown = raced.json("show mnist:best-of-other")
        assert (shown["version"], shown["inputs"][0]["version"]) == ("v2", "v0")
        assert raced.json("alias log model/Digits:other")["moves"][0]["version"] == "v1"
        assert raced.json("show model/Digits:v1")["link"]["artifact"] == "mnist:v2"

    def test_loses_no_run_and_no_reason(self, raced: World) -> None:
        raced("git push --quiet", "other")
        raced("gitreg fetch 2>/dev/null")
        runs = {run["name"]: run for run in raced.json("runs")["runs"]}
        assert runs["run-of-work"]["outputs"] == ["mnist:v1"]
        assert runs["run-of-other"]["outputs"] == ["mnist:v2"]
        (move,) = raced.json("alias log mnist:best-of-other")["moves"]
        assert (move["reason"], move["by"]) == ("by other", "Other User <test@example.org>")

    def test_leaves_a_repository_that_is_whole(self, raced: World) -> None:
        raced("git push --quiet", "other")
        raced("gitreg fetch 2>/dev/null")
        for clone in ("work", "other", "server.git"):
            assert raced("git fsck --strict --no-dangling", clone) == ""
            for version in ("mnist:v1", "mnist:v2", "model/Digits:v1"):
                done = raced.verify(version, clone, "../storage")
                assert (done.code, done.out.splitlines()[-1]) == (0, "ok"), done.out
        assert "refs/gitreg-remotes" not in raced("git for-each-ref", "server.git")

    @pytest.mark.parametrize("pull", ["git pull --quiet --tags", "git fetch --quiet --prune --prune-tags --tags"])
    def test_never_makes_a_pull_of_all_tags_fail(self, raced: World, pull: str) -> None:
        raced(pull, "other")
        # two versions v1 for a while: what is pending here is meant, and said to be so
        versions = raced.json("ls mnist", "other")["versions"]
        assert [(line["version"], line["published"]) for line in versions] == [
            ("v1", False),
            ("v1", True),
            ("v0", True),
        ]
        raced("git push --quiet", "other")
        for clone in ("work", "other"):
            raced(pull, clone)
            assert [line["version"] for line in raced.json("ls mnist", clone)["versions"]] == ["v2", "v1", "v0"]

    def test_is_sorted_out_for_many_at_once(self, two: World) -> None:
        two(
            """
            for clone in work other; do
                cd ../$clone
                for n in 1 2 3; do
                    echo "$n of $clone" >../model.bin
                    gitreg put ../model.bin --name mnist --type model 2>/dev/null
                    echo "$n of $clone, too" >../model.bin
                    gitreg put ../model.bin --name another --type model --use mnist:latest 2>/dev/null
                done
                gitreg link mnist:v2 model/M; gitreg alias set model/M:x-$clone v0 2>/dev/null
            done
            """
        )
        pushing = [f"(cd ../{clone} && git push --quiet) & " for clone in ("work", "other")]
        # both at once: they may meet in the middle, and each still ends well or says that trying again is safe
        two("".join(pushing) + "wait")
        for clone in ("work", "other", "work"):
            two("git push --quiet && gitreg fetch 2>/dev/null", clone)
        for clone in ("work", "other"):
            assert [line["version"] for line in two.json("ls mnist", clone)["versions"]] == [
                f"v{n}" for n in range(6, -1, -1)
            ]
            assert [line["version"] for line in two.json("ls another", clone)["versions"]] == [
                f"v{n}" for n in range(5, -1, -1)
            ]
            assert two.pending(clone) == []
            said = {alias["alias"]: alias["version"] for alias in two.json("alias ls model/M", clone)["aliases"]}
            assert sorted(said) == ["x-other", "x-work"]
            assert sorted(said.values()) == ["v0", "v1"]
            for name, version in said.items():
                run = two(f"cat $(gitreg get model/M:{version} -o ../got-{name}-{clone})/model.bin", clone)
                assert run == f"2 of {name.removeprefix('x-')}\n"


class TestTheSameAliasTwice:
    @pytest.fixture
    def promoted(self, two: World) -> World:
        two("gitreg alias set mnist:production v0 --reason first 2>/dev/null; git push --quiet")
        two("gitreg fetch 2>/dev/null", "other")
        two("echo more >../m.bin && gitreg put ../m.bin --name mnist --type model 2>/dev/null && git push --quiet")
        two("gitreg fetch 2>/dev/null", "other")
        return two

    def test_the_second_move_is_refused_when_it_meant_another_place(self, promoted: World) -> None:
        promoted("gitreg alias set mnist:production v1 --reason mine 2>/dev/null", "other")
        promoted("gitreg alias set mnist:production v1 --reason theirs 2>/dev/null && git push --quiet")
        promoted("echo x >../x && gitreg put ../x --name x --type model 2>/dev/null", "other")
        done = promoted.attempt("gitreg push", "other")
        assert done.code == 5
        assert "refused: mnist:production: it names v1 there now, moved by Test User" in done.err
        assert "refs/tags/x@v0" in promoted.published(), "the rest is published"
        assert [move["reason"] for move in promoted.json("alias log mnist:production")["moves"]] == ["theirs", "first"]

    def test_and_can_be_made_again(self, promoted: World) -> None:
        promoted("gitreg alias set mnist:production v1 2>/dev/null", "other")
        promoted("gitreg alias rm mnist:production 2>/dev/null && git push --quiet")
        assert promoted.attempt("git push", "other").code == 1
        promoted("gitreg alias set mnist:production v1 --reason again 2>/dev/null && git push --quiet", "other")
        moves = promoted.json("alias log mnist:production", "other")["moves"]
        assert [(move["action"], move["version"]) for move in moves] == [
            ("set", "v1"),
            ("delete", None),
            ("set", "v0"),
        ]

    def test_a_move_is_replayed_when_the_alias_is_where_the_mover_saw_it(self, promoted: World) -> None:
        promoted("gitreg alias set mnist:production v1 --reason mine 2>/dev/null", "other")
        promoted(
            """
            gitreg alias set mnist:production v1 --reason 'there ...' 2>/dev/null
            gitreg alias set mnist:production v0 --reason '... and back' 2>/dev/null
            git push --quiet
            """
        )
        promoted("git push --quiet", "other")
        moves = promoted.json("alias log mnist:production", "other")["moves"]
        assert [(move["seq"], move["reason"]) for move in moves] == [
            (4, "mine"),
            (3, "... and back"),
            (2, "there ..."),
            (1, "first"),
        ]

    def test_from_refuses_at_once(self, promoted: World) -> None:
        done = promoted.attempt("gitreg alias set mnist:production v1 --from v1")
        assert done.code == 5
        assert done.err.startswith("error: alias 'mnist:production' names v0 now\nhint: ")


PUBLISHED = f"{START}{LOG}\ngit push --quiet"


class TestAThirdCloneWithoutInit:
    @pytest.fixture
    def third(self, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
        world = copy(PUBLISHED, tmp_path_factory, tmp_path / "world")
        world("git clone --quiet server.git third", "")
        return world

    def test_reads_versions_at_once(self, third: World) -> None:
        assert third("gitreg ls mnist", "third") == third("gitreg ls mnist")
        assert third("cat $(gitreg get mnist:v1 -o ../got)/model.bin", "third") == "weights two\n"

    def test_reads_everything_after_a_fetch(self, third: World) -> None:
        third("gitreg fetch 2>/dev/null", "third")
        for command in (
            "gitreg ls",
            "gitreg ls model/Digits --json",
            "gitreg show model/Digits:production",
            "gitreg show mnist:v1 --json",
            "gitreg runs",
            "gitreg lineage --all",
            "gitreg alias ls",
            "gitreg alias log model/Digits:production",
        ):
            assert third(command, "third") == third(command), command
        assert third("cat $(gitreg get model/Digits:production -o ../got)/model.bin", "third") == "weights two\n"

    def test_needs_no_network_after_that(self, third: World) -> None:
        third("gitreg fetch 2>/dev/null && mv ../server.git ../gone", "third")
        assert "production" in third("gitreg ls", "third")
        assert third.attempt("gitreg show model/Digits:production", "third").code == 0
        assert third.attempt("gitreg status", "third").code == 0
        assert third.attempt("gitreg fetch", "third").code == 1


PARTS = (
    PUBLISHED
    + """
cd ../server.git
git config uploadpack.allowFilter true && git config uploadpack.allowAnySHA1InWant true
cd .. && url=file://$PWD/server.git
git clone --quiet --depth 1 "$url" shallow
git clone --quiet --no-tags "$url" no-tags
git clone --quiet --single-branch "$url" single
git clone --quiet --filter=tree:0 "$url" treeless
git clone --quiet --depth 1 --filter=blob:none "$url" both
git init --quiet cut && cd cut && git remote add origin "$url"
git fetch --quiet --depth=1 --no-tags origin 'refs/tags/mnist@v1:refs/tags/mnist@v1'
"""
)


class TestACloneThatHasOnlyAPart:
    @pytest.fixture
    def parts(self, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
        return copy(PARTS, tmp_path_factory, tmp_path / "world")

    @pytest.mark.parametrize("clone", ["shallow", "no-tags", "single", "treeless", "both"])
    def test_reads_everything_after_a_fetch(self, parts: World, clone: str) -> None:
        parts("gitreg fetch 2>/dev/null", clone)
        for command in (
            "gitreg ls",
            "gitreg show mnist:v1",
            "gitreg alias log model/Digits:production",
            "gitreg lineage mnist:v1",
        ):
            done = parts.attempt(command, clone)
            assert (done.code, done.out) == (0, parts(command)), f"{command}\n{done.err}"
        assert parts(f"cat $(gitreg get model/Digits:production -o ../got-{clone})/model.bin", clone) == "weights two\n"

    def test_says_what_is_cut(self, parts: World) -> None:
        assert parts("gitreg ls", "cut").splitlines()[1].split()[:4] == ["mnist", "model", "1", "v1"]
        shown = parts.json("show mnist:v1", "cut")
        assert shown["inputs"] == [
            {
                "artifact": "digits",
                "version": "v0",
                "commit": parts.json("show digits:v0")["commit"],
                "digest": parts.json("show digits:v0")["digest"],
                # its tag is not in this clone
                "type": None,
                "size": None,
                "files": None,
            }
        ]
        drawn = parts("gitreg lineage mnist:v1", "cut")
        assert "digits:v0" in drawn
        assert "unknown input" in drawn
        assert parts.attempt("gitreg runs", "cut").code == 0
        assert parts.verify("mnist:v1", "cut").code == 0
