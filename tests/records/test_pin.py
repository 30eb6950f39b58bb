from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitreg.errors import RecordError
from gitreg.records.names import CollectionName, VersionName, VersionNumber
from gitreg.records.objects import Oid
from gitreg.records.pin import Pin


def version(number: int) -> VersionName:
    return VersionName(CollectionName.parse("model/Digits"), VersionNumber(number))


FOLDER = Pin("model/Digits:best", version(3), Oid.parse("9" * 40), "", "digits", "0" * 32 + ".dir", 12, 2, "storage")
FILE = Pin("digits", version(4), Oid.parse("a" * 40), "sub/model.pt", "007", "1" * 32, 5, None, "")
# what people do to these files
EDITED = """\
# ours: the model of the shop
outs:
- path:   digits   # beside this file
  remote: "storage"
  md5: '{md5}.dir'
  size: 12
  nfiles: 2
  hash: md5

desc: what we ship
meta:
  owner: shop
  gitreg: {{version: 'model/Digits:v3', commit: "{commit}", reference: model/Digits:best}}
""".format(md5="0" * 32, commit="9" * 40)


@pytest.mark.parametrize("pin", [FOLDER, FILE])
def test_a_pin_reads_back(pin: Pin) -> None:
    assert Pin.parse(pin.encode()) == pin


def test_any_yaml_parser_reads_the_same() -> None:
    document = yaml.safe_load(FOLDER.encode())
    out = {"md5": "0" * 32 + ".dir", "size": 12, "nfiles": 2, "hash": "md5", "path": "digits", "remote": "storage"}
    known = {"reference": "model/Digits:best", "version": "model/Digits:v3", "commit": "9" * 40}
    assert document == {"outs": [out], "meta": {"gitreg": known}}


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_survives(text: str) -> None:
    for pin in (replace(FILE, file=text, path=text, remote=text), replace(FILE, reference=text)):
        assert Pin.parse(pin.encode()) == pin


def test_what_people_wrote_into_a_pin_stays() -> None:
    after = replace(FOLDER, version=version(4), commit=Oid.parse("b" * 40), md5="2" * 32 + ".dir", size=1234)
    text = after.written_into(EDITED)
    assert Pin.parse(text) == after
    expected = EDITED.replace('"' + "9" * 40 + '"', "b" * 40).replace("'model/Digits:v3'", '"model/Digits:v4"')
    assert text == expected.replace(f"'{'0' * 32}.dir'", f"{'2' * 32}.dir").replace("size: 12", "size: 1234")
    assert after.written_into(text) == text


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_pin_that_is_so_already_stays_byte_for_byte(end: str) -> None:
    text = f"# mine\n{FOLDER.encode()}# also mine".replace("\n", end)
    assert FOLDER.written_into(text) == text


@pytest.mark.parametrize(
    "text",
    [
        FOLDER.encode().replace("  remote: storage\n", "").replace("#", "# mine:"),
        FOLDER.encode().replace('"model/Digits:v3"', "|-\n     model/Digits:v3\n   "),
    ],
)
def test_where_a_value_cannot_be_changed_the_text_is_new(text: str) -> None:
    assert Pin.parse(text)
    after = replace(FOLDER, version=version(4))
    assert after.written_into(text) == after.encode()


def test_a_folder_that_becomes_a_file_is_written_anew() -> None:
    assert FILE.written_into(FOLDER.encode()) == FILE.encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "outs:\n- md5: x\n  path: gitreg\n",
        "meta: {gitreg-like: 1}\nouts: []\n",
        "meta: gitreg\n",
        "&a [*a]: 1\n",
    ],
)
def test_other_files_are_no_pins(text: str) -> None:
    assert Pin.parse(text) is None


@pytest.mark.parametrize(
    "change",
    [
        ("version: ", "was: "),
        ("model/Digits:v3", "model/Digits"),
        ("model/Digits:v3", "../x:v3"),
        ("9" * 40, "main"),
        ("size: 12", "size: -1"),
        ("hash: md5", "hash: sha256"),
        ("  path: digits", "  path: 3"),
        ("outs:", "wdir: ..\nouts:"),
        ("outs:", "outs:\n- path: other"),
        ("meta:", "meta: &all"),
        ("gitreg:\n", "gitreg: 3\n  x:\n"),
    ],
)
def test_a_pin_that_is_not_as_it_should_be_is_an_error(change: tuple[str, str]) -> None:
    text = FOLDER.encode()
    assert change[0] in text
    with pytest.raises(RecordError):
        Pin.parse(text.replace(*change))
