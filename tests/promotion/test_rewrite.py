"""A file changes in what it says of one alias, and in nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitreg.errors import RefusedError, SettingsError
from gitreg.promotion.rewrite import rewritten
from gitreg.promotion.wanted import Entry, parse
from gitreg.records.names import AliasName, CollectionName, VersionName, VersionNumber

M = CollectionName.parse("m")
PATH = ".gitreg/aliases/m.yaml"
PRODUCTION = AliasName(M, "production")
# to YAML 1234567 is a number, and so is 12e4567
V3 = Entry(PRODUCTION, VersionName(M, VersionNumber(3)), "1234567", "12e4567", 'it\'s: "better"')
FLOW = '{version: v3, commit: "1234567", after: "12e4567", reason: "it\'s: \\"better\\""}'
GONE = Entry(PRODUCTION, None, "", "none", "")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"production: {FLOW}\n"),
        ("# head\n", f"# head\nproduction: {FLOW}\n"),
        ("staging: v1", f"staging: v1\nproduction: {FLOW}\n"),
        ("staging: v1\n# end\n", f"staging: v1\n# end\nproduction: {FLOW}\n"),
        ("  staging: v1\n", f"  staging: v1\n  production: {FLOW}\n"),
        ("{}\n", f"production: {FLOW}\n"),
        ("{staging: v1}\n", f"{{staging: v1, production: {FLOW}}}\n"),
        ("{production: v1, staging:  v2}\n", f"{{production: {FLOW}, staging:  v2}}\n"),
        ("staging: v1\r\n", f"staging: v1\r\nproduction: {FLOW}\r\n"),
        ("production: v2  # pinned\nstaging: ~\n", f"production: {FLOW}  # pinned\nstaging: ~\n"),
        ("# 実験\n'production': \"v2\" # 本番\n", f"# 実験\n'production': {FLOW} # 本番\n"),
        ("production:\nstaging: null\n", f"production: {FLOW}\nstaging: null\n"),
        ("production: # none yet\nstaging: v1\n", f"production: {FLOW} # none yet\nstaging: v1\n"),
        ("? production\n: v2\n", f"? production\n: {FLOW}\n"),
        ("production: { version: v1,reason: old }\nstaging:   {version:  v2}\n",
         f"production: {FLOW}\nstaging:   {{version:  v2}}\n"),
    ],
)  # fmt: skip
def test_a_short_entry_becomes_a_line(before: str, after: str) -> None:
    assert rewritten(PATH, before, V3) == after


def test_a_long_entry_keeps_its_shape_and_its_comments() -> None:
    before = """\
# who may use what
production:
  # asked for by the clinic
  version: v2 # pinned
  # about why
  reason: |
    two
    lines

# of staging
staging: v1
"""
    after = """\
# who may use what
production:
  # asked for by the clinic
  version: v3 # pinned
  commit: "1234567"
  after: "12e4567"
  # about why
  reason: "it's: \\"better\\""

# of staging
staging: v1
"""
    assert rewritten(PATH, before, V3) == after
    gone = after.replace("v3", "null").replace("12e4567", "none")
    lines = [line for line in gone.splitlines(keepends=True) if "commit:" not in line and "reason:" not in line]
    assert rewritten(PATH, after, GONE) == "".join(lines)


def test_an_entry_with_comments_inside_its_braces_keeps_them() -> None:
    before = "production: {\n  version: v2, # pinned\n  reason: old # why\n}\n"
    reason = FLOW.partition("reason: ")[2].removesuffix("}")
    fields = 'version: v3, commit: "1234567", after: "12e4567", # pinned'
    after = f"production: {{\n  {fields}\n  reason: {reason} # why\n}}\n"
    assert rewritten(PATH, before, V3) == after
    assert 'reason: "" # why' in rewritten(PATH, before, GONE)


def test_what_it_says_already_is_not_written_again() -> None:
    text = "production:\n  version: v3\n  commit: '1234567'\n  after:   \"12e4567\"\n  reason: 'it''s: \"better\"'\n"
    assert rewritten(PATH, text, V3) == text


@pytest.mark.parametrize("text", ["---\nstaging: v1\n...\n", "\ufeffproduction: v2\n"])
def test_what_cannot_be_edited_is_left_to_people(text: str) -> None:
    with pytest.raises(RefusedError, match="cannot be edited here") as caught:
        rewritten(PATH, text, V3)
    assert caught.value.hint == f"write into it: production: {FLOW}"


def test_a_file_that_cannot_be_read_is_not_written() -> None:
    with pytest.raises(SettingsError, match="line 2: key 'a' stands twice"):
        rewritten(PATH, "a: v1\na: v2\n", V3)


WORDS = st.text(st.characters(codec="utf-8"), max_size=30)
SPELLINGS = st.sampled_from(
    [
        "{alias}: v1{comment}\n",
        "{alias}: {{version: v1, reason: old}}{comment}\n",
        "{alias}:\n    version: v1{comment}\n    reason: >\n      long\n      words\n",
        "{alias}:\n  reason: old{comment}\n  # note\n  version: v1\n\n",
        "{alias}: {{ version: v1,{comment}\n   reason: old }}\n",
        "{alias}:{comment}\n",
    ]
)


@given(
    spelled=st.lists(st.tuples(st.sampled_from(["a", "production", "z-1", "no"]), SPELLINGS), unique_by=lambda x: x[0]),
    comment=st.sampled_from(["", " # why", "  # 実験: {}"]),
    crlf=st.booleans(),
    entry=st.builds(
        Entry,
        st.just(PRODUCTION),
        st.sampled_from([None, V3.version]),
        st.sampled_from(["", "1234567", "abcdef0", "12e45678"]),
        st.sampled_from(["", "none", "0000000"]),
        WORDS,
    ),
)
def test_others_lines_never_change(spelled: list[tuple[str, str]], comment: str, entry: Entry, *, crlf: bool) -> None:
    pieces = [form.format(alias=alias, comment=comment) for alias, form in spelled]
    pieces = [piece.replace("\n", "\r\n") if crlf else piece for piece in pieces]
    made = rewritten(PATH, "".join(pieces), entry)
    at = next((place for place, (alias, _) in enumerate(spelled) if alias == "production"), len(pieces))
    assert made.startswith("".join(pieces[:at]))
    assert made.endswith("".join(pieces[at + 1 :]))
    found = parse(PATH, made)[PRODUCTION]
    assert (found.version, found.commit, found.after, found.reason) == (
        entry.version,
        entry.commit,
        entry.after,
        entry.reason,
    )
    assert rewritten(PATH, made, entry) == made
    assert "\n" not in made.replace("\r\n", "") or not crlf or not pieces
