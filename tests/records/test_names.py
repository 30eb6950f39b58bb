from __future__ import annotations

import re
import string
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitreg.errors import InvalidDateError, InvalidNameError
from gitreg.records import refs
from gitreg.records.names import (
    LATEST,
    MAX_NUMBER,
    AliasName,
    CollectionName,
    Reference,
    VersionName,
    VersionNumber,
    check_alias,
    check_run_id,
    parse_collection,
    parse_number,
)

GOOD = ["m", "_", "0", "7b", "mnist_model", "MNIST-dev", "v3", "a.b-c_d", "run-ab12cd34-model.h5", "a-", "a" * 128]
BAD = [
    ("", "empty"),
    ("-m", "first must be no '-'"),
    (".m", "first must be no '-' or '.'"),
    ("a b", "only letters"),
    ("a@b", "only letters"),
    ("a:b", "only letters"),
    ("a\n", "only letters"),
    ("ä", "only letters"),
    ("１", "only letters"),
    ("a\0", "only letters"),
    ("a..b", "'..'"),
    ("a.", "ends with '.'"),
    ("a.lock", "ends with '.lock'"),
    ("a.LOCK", "ends with '.LOCK'"),
    ("a.dvc", "ends with '.dvc'"),
    ("a.sha256", "ends with '.sha256'"),
    ("a.files", "ends with '.files'"),
    ("dvc.yaml", "reserved"),
    ("DVC.lock", "'.lock'"),
    ("head", "reserved"),
    ("HEAD", "reserved"),
    ("con", "device"),
    ("NUL.txt", "device"),
    ("com1.tar.gz", "device"),
    ("0" * 40, "object id"),
    ("aBcDeF01" * 5, "object id"),
    ("f" * 64, "object id"),
    ("a" * 129, "longer than 128"),
]


@pytest.mark.parametrize("text", [*GOOD, "model/MNIST-dev", "a/b", "a" * 128 + "/" + "b" * 128])
def test_a_collection_prints_back_to_what_was_parsed(text: str) -> None:
    assert str(CollectionName.parse(text)) == text


@pytest.mark.parametrize(("text", "why"), [*BAD, ("a/b/c", "at most one"), ("/a", "empty"), ("a/", "empty")])
def test_what_no_collection_can_be_called_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(InvalidNameError, match=re.escape(why)) as caught:
        CollectionName.parse(text)
    assert caught.value.name == text
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(("text", "why"), BAD[1:])
def test_a_space_obeys_the_same_rules_as_a_name(text: str, why: str) -> None:
    for whole in (f"{text}/m", f"m/{text}"):
        with pytest.raises(InvalidNameError, match=re.escape(why)):
            CollectionName.parse(whole)


@pytest.mark.parametrize("text", ["39 hex is fine", "41 hex is fine"])
def test_only_the_length_of_an_object_id_makes_a_name_look_like_one(text: str) -> None:
    assert CollectionName.parse("a" * int(text[:2])).name == "a" * int(text[:2])


@pytest.mark.parametrize(
    ("text", "number"),
    [("v0", 0), ("v7", 7), ("v10", 10), ("v999999999", MAX_NUMBER)]
    + [(text, None) for text in ("v", "v01", "v00", "V1", "1", "v-1", "v1 ", "v1\n", "v1000000000", "v１", "vv1", "")],
)
def test_a_version_number_has_one_spelling(text: str, number: int | None) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["production", "candidate-2", "v", "v1.0", "vnext", "z" * 64, "7"])
def test_an_alias_is_a_segment(text: str) -> None:
    assert check_alias(text) == text


@pytest.mark.parametrize("text", ["latest", "Latest", "LATEST", "v0", "v12", "V3", "v007", "a" * 65, "a/b", "a@b", ""])
def test_an_alias_is_never_latest_nor_a_number_nor_a_path(text: str) -> None:
    with pytest.raises(InvalidNameError, match="invalid alias name"):
        check_alias(text)


@pytest.mark.parametrize("text", ["3kf9a1xq", "ab", "a", "a-b.c", "z" * 64])
def test_a_run_id_is_a_segment(text: str) -> None:
    assert check_run_id(text) == text


@pytest.mark.parametrize("text", ["a.b", "a" * 65, "", "a/b", "a.lock"])
def test_a_run_id_makes_a_folder_of_its_first_two_characters(text: str) -> None:
    with pytest.raises(InvalidNameError, match="invalid run id name"):
        check_run_id(text)


M, SPACED, BARE = CollectionName("", "m"), CollectionName("model", "MNIST-dev"), CollectionName("", "MNIST-dev")


@pytest.mark.parametrize(
    ("text", "candidates", "selector"),
    [
        ("m", (M,), LATEST),
        ("m:latest", (M,), LATEST),
        ("m:v0", (M,), 0),
        ("m:production", (M,), "production"),
        ("m@v3", (M,), 3),
        ("m@production", (M,), "production"),
        ("m@latest", (M,), LATEST),
        # a registry's folder, or W&B's project: whichever exists
        ("model/MNIST-dev", (SPACED, BARE), LATEST),
        ("model/MNIST-dev:production", (SPACED, BARE), "production"),
        ("model/MNIST-dev@v2", (SPACED, BARE), 2),
        ("entity/project/m:v1", (M, CollectionName("project", "m")), 1),
        ("my entity!/my project/m:v1", (M,), 1),
        ("my project/m:best", (M,), "best"),
        (".project/m", (M,), LATEST),
        ("entity/model-registry/MNIST-dev:production", (SPACED,), "production"),
        ("model-registry/MNIST-dev", (SPACED,), LATEST),
        ("wandb-registry-model/MNIST-dev:production", (SPACED,), "production"),
        ("org/wandb-registry-model/MNIST-dev:v0", (SPACED,), 0),
        ("wandb-registry-dataset/m", (CollectionName("dataset", "m"),), LATEST),
    ],
)
def test_every_form_of_a_reference_is_understood(
    text: str, candidates: tuple[CollectionName, ...], selector: object
) -> None:
    reference = Reference.parse(text)
    assert (reference.candidates, reference.selector, str(reference)) == (candidates, selector, text)


@pytest.mark.parametrize(
    ("text", "candidates", "selector", "when"),
    [
        ("m@{2026-03-01}", (M,), LATEST, "2026-03-01"),
        ("m:latest@{yesterday}", (M,), LATEST, "yesterday"),
        ("m:production@{3 days ago}", (M,), "production", "3 days ago"),
        ("m@production@{2026-03-01}", (M,), "production", "2026-03-01"),
        ("m:production@{2026-03-01T12:00:00+01:00}", (M,), "production", "2026-03-01T12:00:00+01:00"),
        ("model/MNIST-dev@{2026-03-01 12:00}", (SPACED, BARE), LATEST, "2026-03-01 12:00"),
        ("e/wandb-registry-model/MNIST-dev:best@{now}", (SPACED,), "best", "now"),
    ],
)
def test_a_date_may_follow_what_can_move(
    text: str, candidates: tuple[CollectionName, ...], selector: str, when: str
) -> None:
    reference = Reference.parse(text)
    assert (reference.candidates, reference.selector, str(reference)) == (candidates, selector, text)
    assert str(reference.when) == when


def test_a_number_with_a_date_is_refused_with_the_same_reference_without_it() -> None:
    with pytest.raises(InvalidNameError, match="'v3' never moves") as caught:
        Reference.parse("m:v3@{2026-03-01}")
    assert caught.value.hint == "leave the date out: m:v3"


@pytest.mark.parametrize("text", ["m@{}", "m@{1}", "m@{u}", "m:production@{last tuesday}", "m@{2026-3-1}", "m@{a}}"])
def test_what_stands_in_the_braces_is_a_date(text: str) -> None:
    with pytest.raises(InvalidDateError):
        Reference.parse(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("@{2026-03-01}", "empty"),
        (":@{2026-03-01}", "nothing follows the name"),
        ("m:@{2026-03-01}", "nothing follows the name"),
        ("m@{2026-03-01", "must end with '}'"),
        ("m@{2026-03-01}:production", "must end with '}'"),
        (":v0", "empty"),
        ("m:", "nothing follows the name"),
        ("m@", "nothing follows the name"),
        ("m:v0:v1", "only letters"),
        ("m@v0:v1", "only letters"),
        ("m:v01", "reads as a version number"),
        ("m:Latest", "always the newest"),
        ("a/b/c/d", "at most ENTITY/PROJECT/NAME"),
        ("entity//m", "a part is empty"),
        ("/m", "a part is empty"),
        ("a/", "a part is empty"),
        ("wandb-registry-/m", "a part is empty"),
        ("wandb-registry-a b/m", "only letters"),
        ("../m", "no registry, project or entity"),
        ("../../m", "no registry, project or entity"),
        ("--upload-pack=x/m", "no registry, project or entity"),
        ("my\u202eproject/m", "no registry, project or entity"),
        (" /m", "no registry, project or entity"),
        ("e" * 129 + "/p/m", "no registry, project or entity"),
        ("m:--upload-pack=x", "only letters"),
        ("--output=f", "only letters"),
    ],
)
def test_what_is_no_reference_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(InvalidNameError, match=re.escape(why)):
        Reference.parse(text)


def test_a_collection_alone_is_read_like_a_reference() -> None:
    assert parse_collection("model/MNIST-dev") == (SPACED, BARE)
    with pytest.raises(InvalidNameError):
        parse_collection("m:v0")


letters = st.sampled_from(string.ascii_letters + string.digits + "_-.")


def accepted(parse: type[CollectionName]) -> st.SearchStrategy[CollectionName]:
    def attempt(text: str) -> CollectionName | None:
        try:
            return parse.parse(text)
        except InvalidNameError:
            return None

    segment = st.text(letters, min_size=1, max_size=12) | st.sampled_from(["a.lock", "con.x", "..", "a..", "-a"])
    whole = segment | st.builds("{}/{}".format, segment, segment)
    return whole.map(attempt).filter(lambda name: name is not None).map(lambda name: name or M)


collections = accepted(CollectionName)
numbers = st.integers(0, MAX_NUMBER).map(VersionNumber)


def is_alias(text: str) -> bool:
    try:
        return bool(check_alias(text))
    except InvalidNameError:
        return False


aliases = st.text(letters, min_size=1, max_size=10).filter(is_alias)


@given(collections, numbers, aliases)
def test_names_survive_printing_and_parsing_in_every_form(
    collection: CollectionName, number: VersionNumber, alias: str
) -> None:
    version, name = VersionName(collection, number), AliasName(collection, alias)
    assert CollectionName.parse(str(collection)) == collection
    assert VersionName.parse_tag(version.tag) == version
    assert AliasName.parse_ref(name.ref_name) == name
    assert Reference.parse(str(version)).selector == number
    assert Reference.parse(str(name)).selector == alias
    assert Reference.parse(version.tag) == Reference((*Reference.parse(str(version)).candidates,), number, version.tag)
    assert collection in Reference.parse(str(version)).candidates


@settings(max_examples=30)
@given(st.lists(st.tuples(collections, aliases, numbers), min_size=1, max_size=8))
def test_git_accepts_every_ref_that_is_built_of_accepted_names(
    tmp_path_factory: pytest.TempPathFactory, names: list[tuple[CollectionName, str, VersionNumber]]
) -> None:
    made = []
    for collection, alias, number in names:
        version = VersionName(collection, number)
        made += [refs.version_tag(version), refs.draft(version), refs.alias(AliasName(collection, alias))]
        try:
            made.append(refs.run(check_run_id(collection.name)))
        except InvalidNameError:
            continue
    empty = tmp_path_factory.getbasetemp() / "names.git"
    if not empty.exists():
        subprocess.run(["git", "init", "--quiet", "--bare", empty], check=True)
    # it checks the format of each name before it looks for the ref
    lines = "".join(f"verify {ref}\0{'0' * 40}\0" for ref in dict.fromkeys(made))
    subprocess.run(["git", "update-ref", "--stdin", "-z"], cwd=empty, input=lines.encode(), check=True)


@pytest.mark.parametrize(
    "parse", [CollectionName.parse, VersionName.parse_tag, AliasName.parse_ref, Reference.parse, check_run_id]
)
@given(text=st.text(max_size=12))
def test_no_text_at_all_breaks_a_parser(parse: Callable[[str], object], text: str) -> None:
    try:
        parse(text)
    except (InvalidNameError, InvalidDateError) as error:
        assert "\n" not in str(error)  # noqa: PT017 - both outcomes are right
