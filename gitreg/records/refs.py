"""Where each thing lies in the ref namespace, FORMAT.md 2. Ref names are made and read here only."""

from __future__ import annotations

from gitreg.errors import InvalidNameError
from gitreg.records.names import AliasName, CollectionName, RunId, VersionName, check_run_id

TAGS = "refs/tags/"
PENDING = "refs/gitreg/"
DRAFTS = "refs/gitreg/drafts/"
TRACKING = "refs/gitreg-remotes/"
RUNS, ALIASES, CARDS = "runs/", "aliases/", "collections/"
"""Below `PENDING`, or a tracking namespace."""
BUNDLED = "refs/gitreg-bundle/bytes"
"""In a bundle: a commit whose tree is the DVC objects of its runs."""


def tracking(remote: str) -> str:
    """The namespace that mirrors a remote's `refs/gitreg/`."""
    return f"{TRACKING}{remote}/"


def fetch_refspec(remote: str) -> str:
    """What `git fetch` needs to keep the tracking refs up to date."""
    return f"+{PENDING}*:{tracking(remote)}*"


def version_tag(version: VersionName) -> str:
    """`refs/tags/<collection>@v<N>`."""
    return TAGS + version.tag


def draft(version: VersionName) -> str:
    """`refs/gitreg/drafts/<collection>@v<N>`."""
    return DRAFTS + version.tag


def run(run_id: RunId, base: str = PENDING) -> str:
    """`refs/gitreg/runs/<xx>/<run id>`, or the same under a tracking namespace."""
    return f"{base}{RUNS}{run_id[:2]}/{run_id}"


def alias(name: AliasName, base: str = PENDING) -> str:
    """`refs/gitreg/aliases/<collection>@<alias>`, or the same under a tracking namespace."""
    return f"{base}{ALIASES}{name.ref_name}"


def card(collection: CollectionName, base: str = PENDING) -> str:
    """`refs/gitreg/collections/<collection>@card`, or the same under a tracking namespace."""
    return f"{base}{CARDS}{collection}@card"


def trial(name: str) -> str:
    """`refs/gitreg/doctor/<name>`: what is pushed and deleted again, to see whether that works."""
    return f"{PENDING}doctor/{name}"


def versions_pattern(collection: CollectionName, base: str = TAGS) -> str:
    """A `for-each-ref` pattern for all versions of a collection."""
    return f"{base}{collection}@v*"


def aliases_pattern(collection: CollectionName, base: str = PENDING) -> str:
    """A `for-each-ref` pattern for all aliases of a collection."""
    return f"{base}{ALIASES}{collection}@*"


def parse_version(ref: str) -> VersionName | None:
    """The version that a tag's or draft's ref names, or None for any other ref."""
    for base in (TAGS, DRAFTS):
        if ref.startswith(base):
            try:
                return VersionName.parse_tag(ref.removeprefix(base))
            except InvalidNameError:
                return None
    return None


def parse_alias(ref: str) -> AliasName | None:
    """The alias that a pending or tracking ref names, or None for any other ref."""
    try:
        return AliasName.parse_ref(_below(ref, ALIASES))
    except InvalidNameError:
        return None


def parse_card(ref: str) -> CollectionName | None:
    """The collection whose own ref a pending or tracking ref is, or None for any other ref."""
    name, at, end = _below(ref, CARDS).rpartition("@")
    if not at or end != "card":
        return None
    try:
        return CollectionName.parse(name)
    except InvalidNameError:
        return None


def parse_run(ref: str) -> RunId | None:
    """The run that a pending or tracking ref names, or None for any other ref."""
    shard, _, run_id = _below(ref, RUNS).partition("/")
    if shard != run_id[:2]:
        return None
    try:
        return check_run_id(run_id)
    except InvalidNameError:
        return None


def _below(ref: str, folder: str) -> str:
    """What follows `folder` in a pending or tracking ref; empty for any other ref."""
    if ref.startswith(PENDING):
        head, _, rest = ref.removeprefix(PENDING).partition("/")
        return rest if f"{head}/" == folder else ""
    # a remote may be called like the folder
    remote, _, rest = ref.removeprefix(TRACKING).partition("/") if ref.startswith(TRACKING) else ("", "", "")
    return f"/{rest}".partition(f"/{folder}")[2] if remote else ""
