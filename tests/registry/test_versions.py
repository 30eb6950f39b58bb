"""Numbers, drafts, links: what becomes a version, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from desks import Desk
from gitreg.errors import NotFoundError, RecordError, RefusedError, TypeMismatchError
from gitreg.records.names import MAX_NUMBER, CollectionName, Reference
from gitreg.registry import links, resolve, runs, versions
from helpers import agrees


def test_without_a_remote_a_version_is_a_tag_at_once(desk: Desk) -> None:
    first, second = desk.log("m", "one"), desk.log("m", "two")
    assert desk.refs("refs/tags", "refs/gitreg/drafts") == ["refs/tags/m@v0", "refs/tags/m@v1"]
    assert [str(first), str(second)] == ["m:v0 (unpublished)", "m:v1 (unpublished)"]
    assert desk.git("rev-parse m@v1^{commit}") == str(second.commit)
    assert desk.git("cat-file -t refs/tags/m@v1") == "tag"
    assert desk.sh("git fsck --strict --no-dangling 2>&1") == ""
    for reference in ("m:v0", "m:v1", "m:latest", "m"):
        agrees(desk.path, reference, desk.path / ".dvc" / "cache")


def test_with_a_remote_a_version_is_a_draft_until_it_is_published(ada: Desk) -> None:
    ada.log("m", "one")
    assert ada.refs("refs/tags", "refs/gitreg/drafts") == ["refs/gitreg/drafts/m@v0"]
    assert ada.all() == ["m:v0 (unpublished)"]
    agrees(ada.path, "m:v0", ada.path / ".dvc" / "cache")
    ada.publish()
    assert ada.refs("refs/tags", "refs/gitreg/drafts") == ["refs/tags/m@v0"]
    assert ada.all() == ["m:v0"]
    agrees(ada.path, "m:v0", ada.path / ".dvc" / "cache")


def test_the_newest_version_has_the_highest_number_not_the_last_name(desk: Desk) -> None:
    for number in range(11):
        desk.log("m", f"content {number}")
    assert desk.version("m").name.label == "v10"
    assert [version.name.number for version in versions.all_versions(desk.registry)] == list(range(11))
    assert versions.head(desk.registry, CollectionName("", "m")).number == 11


def test_a_draft_is_meant_before_a_published_twin_by_number_and_as_the_latest(ada: Desk, bob: Desk) -> None:
    bob.log("m", "bob's")
    bob.publish()
    draft = ada.log("m", "ada's")
    ada.fetch()
    assert [str(version) for version in versions.all_versions(ada.registry)] == ["m:v0", "m:v0 (unpublished)"]
    for reference in ("m:v0", "m:latest"):
        assert ada.version(reference) == draft
        agrees(ada.path, reference)
    assert versions.newest(ada.registry, CollectionName("", "m")) == draft


def test_the_same_content_makes_no_new_version_and_is_in_the_runs_record(desk: Desk) -> None:
    first = desk.log("m", {"a": "1", "b/c": "2"})
    run = desk.start()
    found, made = run.log_artifact(desk.draft("m", {"b/c": "2", "a": "1"}))
    assert (found, made) == (first, False)
    run.finish("finished")
    record = runs.get(desk.registry, run.record.id).record
    assert [(str(use.version), use.commit) for use in record.reused] == [("m:v0", first.commit)]
    assert desk.all() == ["m:v0 (unpublished)"]
    # of what it made itself there is nothing more to say
    run = desk.start()
    assert [run.log_artifact(desk.draft("own", "1"))[1] for _ in range(2)] == [True, False]
    run.finish("finished")
    assert runs.get(desk.registry, run.record.id).record.reused == ()
    # what an earlier version had is a new version again
    desk.log("m", "other")
    assert desk.log("m", {"a": "1", "b/c": "2"}).name.number == 2


def test_a_collection_has_one_type(desk: Desk) -> None:
    desk.log("m", "one", "model")
    with pytest.raises(TypeMismatchError, match="'m' is of type 'model', not 'dataset'"):
        desk.log("m", "two", "dataset")
    desk.log("data", "x", "dataset")
    desk.link(desk.version("m"), "model/M")
    with pytest.raises(TypeMismatchError):
        desk.link(desk.version("data"), "model/M")


def test_two_collections_never_differ_by_case_alone(desk: Desk) -> None:
    desk.log("Model", "one")
    desk.link(desk.version("Model"), "reg/Linked")
    for name in ("model", "MODEL"):
        with pytest.raises(RefusedError, match=f"'{name}' differs from 'Model' only by case") as caught:
            desk.log(name, "two")
        assert caught.value.hint == "use 'Model'"
    with pytest.raises(RefusedError, match="only by case"):
        desk.link(desk.version("Model"), "reg/linked")
    assert desk.log("Model2", "x").name.number == 0


def test_a_collection_holds_links_or_logged_versions_never_both(desk: Desk) -> None:
    desk.log("m", "one")
    desk.link(desk.version("m"), "model/M")
    with pytest.raises(RefusedError, match="'model/M' holds links"):
        desk.log("model/M", "two")
    desk.log("n", "other")
    with pytest.raises(RefusedError, match="'m' holds logged versions"):
        desk.link(desk.version("n"), "m")
    with pytest.raises(RefusedError, match="linked to itself"):
        desk.link(desk.version("m"), "m")


def test_a_link_names_the_sources_commit_and_a_link_to_it_the_original(desk: Desk) -> None:
    source = desk.log("m", "one")
    first = desk.link(source, "model/M")
    second = desk.link(first, "prod/M")
    assert first.commit == second.commit == source.commit
    for link in (first, second):
        record = versions.record(desk.registry, link)
        assert record.link
        assert (str(record.link.version), record.link.commit) == ("m:v0", source.commit)
        agrees(desk.path, str(link.name))
    assert links.link(desk.registry, source, CollectionName.parse("model/M")) == (first, False)
    assert [str(item.name) for item in links.of_commit(desk.registry, source.commit)] == ["model/M:v0", "prod/M:v0"]
    later = desk.link(desk.log("m", "two"), "model/M")
    assert later.name.number == 1
    assert desk.link(source, "model/M").name.number == 2


def test_somebodys_own_tag_of_such_a_name_is_stepped_over(desk: Desk) -> None:
    desk.sh("git tag m@v0 && git tag m@v2 && git tag -a -m 'release' pkg@v1")
    assert [desk.log("m", "one").name.label, desk.log("m", "two").name.label] == ["v3", "v4"]
    assert desk.log("model/other", "x").name.label == "v0"
    assert "m:v0 (unpublished)" not in desk.all()
    with pytest.raises(RecordError, match="tag 'pkg@v1' is not gitreg's") as caught:
        desk.log("pkg", "three")
    assert caught.value.hint
    assert "another name than 'pkg'" in caught.value.hint


def test_a_signed_version_is_read_like_any_other(desk: Desk, tmp_path: Path, need: Callable[[str], str]) -> None:
    need("ssh-keygen")
    version = desk.log("m", "one")
    desk.sh(
        f"""
        ssh-keygen -q -t ed25519 -N '' -f '{tmp_path}/key'
        git config gpg.format ssh; git config user.signingKey '{tmp_path}/key'
        git cat-file tag {version.tag} | sed '1,/^$/d' | git tag --force --sign -F - m@v0 {version.commit} >/dev/null
        git cat-file tag m@v0 | grep -q 'BEGIN SSH SIGNATURE'
        """
    )
    found = versions.details(desk.registry, desk.version("m:v0"))
    assert found.record == versions.record(desk.registry, desk.version("m:v0"))
    assert found.version.tag != version.tag
    assert found.version.commit == version.commit


def test_a_slip_in_a_registered_models_name_means_nothing_else(desk: Desk) -> None:
    version = desk.log("digits", "rows", "dataset")
    desk.link(desk.log("m", "weights"), "model/Digits")
    assert desk.version("some-project/digits:v0") == version
    for text in ("model/digits:v0", "dataset/digits", "model/m"):
        with pytest.raises(NotFoundError, match=f"artifact '{text}' not found"):
            desk.version(text)


def test_when_the_numbers_are_used_up_nothing_is_lost(desk: Desk) -> None:
    desk.sh(f"git tag m@v{MAX_NUMBER}")
    with pytest.raises(RefusedError, match="no numbers left"):
        desk.log("m", "one")
    assert desk.all() == []


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("mnist_modle", "artifact 'mnist_modle' not found", "did you mean 'mnist_model'?"),
        ("zzz:v0", "artifact 'zzz:v0' not found", "this repository has mnist_model, model/M"),
        ("mnist_model:v7", "artifact 'mnist_model:v7' not found", "'mnist_model' has v0, v1"),
        ("mnist_model:prodution", "alias 'prodution' not found in 'mnist_model'", "did you mean 'production'?"),
        ("mnist_model:zzz", "alias 'zzz' not found in 'mnist_model'", "'mnist_model' has production"),
        ("model/M:best", "alias 'best' not found in 'model/M'", None),
    ],
)
def test_what_is_not_there_is_told_with_what_is(desk: Desk, text: str, message: str, hint: str | None) -> None:
    desk.log("mnist_model", "one")
    desk.log("mnist_model", "two")
    desk.link(desk.version("mnist_model"), "model/M")
    desk.promote("mnist_model:production", "v0")
    with pytest.raises(NotFoundError) as caught:
        desk.version(text)
    assert str(caught.value) == message
    assert caught.value.exit_code == 6
    assert caught.value.hint == (
        hint or "'model/M' has no aliases here; 'gitreg fetch' brings what others have published"
    )


def test_every_way_to_write_a_reference_finds_the_version(desk: Desk) -> None:
    v0, v1 = desk.log("m", "one"), desk.log("m", "two")
    linked = desk.link(v0, "model/M")
    desk.promote("model/M:production", "v0")
    desk.promote("m:best", "v0")
    for text in ("m:v0", "m@v0", "m:best", "m@best", "project/m:v0", "entity/project/m:best", "any one/p/m@v0"):
        assert desk.version(text) == v0, text
    for text in ("m", "m:latest", "m:v1", "project/m"):
        assert desk.version(text) == v1, text
    for text in (
        "model/M",
        "model/M:production",
        "e/model-registry/M:v0",
        "wandb-registry-model/M:production",
        "e/model/M",
    ):
        assert desk.version(text) == linked, text
    assert resolve.collection(desk.registry, Reference.parse("p/m").candidates) == CollectionName("", "m")


TAMPER = "git cat-file {kind} {name} | sed '{edit}' | git hash-object -t {kind} -w --stdin"


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ("s/^tag m@v0/tag m@v1/", "disagree"),
        ("s/number: 0/number: 1/", "disagree"),
        ("s/collection: m/collection: n/", "disagree"),
        ("s/type: model/type: dataset/", "about 'type'"),
        ("s/files: 1/files: 2/", "about 'files'"),
        ("s/size: 3/size: 4/", "about 'size'"),
        ("s/run: .*/run: other/", "about 'run'"),
        ("s/schema: 1/schema: 2/", "schema 2"),
        ("s/Gitreg-Version/Other-Version/", "is not gitreg's"),
    ],
)
def test_a_tag_that_does_not_fit_its_commit_is_refused(desk: Desk, edit: str, why: str) -> None:
    desk.log("m", "one")
    desk.sh(f"git update-ref refs/tags/m@v0 $({TAMPER.format(kind='tag', name='m@v0', edit=edit)})")
    with pytest.raises(RecordError, match=why):
        desk.details("m:v0")


def test_a_link_whose_record_names_another_commit_is_refused(desk: Desk) -> None:
    v0, v1 = desk.log("m", "one"), desk.log("m", "two")
    desk.link(v0, "model/M")
    edit = f's/commit: "*{v0.commit}"*/commit: "{v1.commit}"/'
    tag = TAMPER.format(kind="tag", name="model/M@v0", edit=edit)
    desk.sh(f"git update-ref refs/tags/model/M@v0 $({tag})")
    with pytest.raises(RecordError, match="about 'commit'"):
        desk.details("model/M:v0")


def test_a_commit_whose_parents_are_not_its_inputs_is_refused(desk: Desk) -> None:
    data = desk.log("data", "x", "dataset")
    model = desk.log("m", "one", use=[data])
    commit = TAMPER.format(kind="commit", name=model.commit, edit=f"/^parent {data.commit}/d")
    desk.sh(
        f"""
        commit=$({commit})
        tag=$(git cat-file tag m@v0 | sed "s/^object .*/object $commit/" | git hash-object -t tag -w --stdin)
        git update-ref refs/tags/m@v0 $tag
        """
    )
    with pytest.raises(RecordError, match="are not the inputs"):
        desk.details("m:v0")


def test_the_numbers_are_found_without_reading_the_other_collections(desk: Desk) -> None:
    seen: list[str] = []
    desk.log("m", "one")
    desk.log("other", "two")

    def trace(command: object, _: float) -> None:
        seen.append(json.dumps(command))

    desk.registry.git.trace = trace
    desk.version("m:v0")
    assert len(seen) == 1
    assert "other" not in seen[0]
    assert "refs/tags/m@v*" in seen[0]
