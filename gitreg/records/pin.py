"""A pin: the `.dvc` file by which somebody's own tree names a published version (FORMAT.md 10).

To DVC it is what `dvc add` writes; what gitreg has to know stands under `meta:`, which DVC keeps and does not read.
People edit these files, so a pin is changed in place, value by value.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass

import yaml

from gitreg.errors import InvalidNameError, RecordError
from gitreg.records import fields, yamlio
from gitreg.records.names import CollectionName, VersionName, parse_number
from gitreg.records.objects import Oid
from gitreg.records.pointer import scalar

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_HEAD = "# a version of a gitreg registry; 'gitreg pin --update' brings it up to date\n"

_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Pin:
    """A version, and the output beside the `.dvc` file that holds its bytes.

    Attributes:
        reference: what the user pinned, such as `model/Digits:production`.
        version, commit: what that named when the pin was written.
        file: the one file of the version that the output is; '' when it is the folder of all.
        path: the output's name.
        md5, size, nfiles: as in a `Pointer`.
        remote: the DVC remote with the bytes; '' for DVC's default.
    """

    reference: str
    version: VersionName
    commit: Oid
    file: str
    path: str
    md5: str
    size: int
    nfiles: int | None
    remote: str

    @classmethod
    def parse(cls, text: str) -> Pin | None:
        """Read a `.dvc` file; None when it is no pin. Raises: RecordError for one that is not as it should be."""
        if "gitreg" not in text:
            return None
        document = yamlio.load(text)
        meta = document.get("meta")
        if not isinstance(meta, dict) or "gitreg" not in meta:
            return None
        known = fields.mapping(meta, "gitreg", required=True)
        outs = fields.items(document, "outs", dict)
        if len(outs) != 1 or document.get("wdir", ".") != "." or outs[0].get("hash", "md5") != "md5":
            raise RecordError("a pin must have exactly one output, beside it, named by its md5")
        out = outs[0]
        return cls(
            reference=fields.string(known, "reference"),
            version=_version(fields.string(known, "version")),
            commit=Oid.parse(fields.string(known, "commit")),
            file=fields.string(known, "file", ""),
            path=fields.string(out, "path"),
            md5=fields.string(out, "md5"),
            size=fields.integer(out, "size"),
            nfiles=fields.integer(out, "nfiles") if "nfiles" in out else None,
            remote=fields.string(out, "remote", ""),
        )

    def encode(self) -> str:
        """The text of the `.dvc` file."""
        values = _values(self)
        out = "".join(f"  {path[-1]}: {value}\n" for path, value in values.items() if path[0] == "outs")
        meta = "".join(f"    {path[-1]}: {value}\n" for path, value in values.items() if path[0] == "meta")
        return f"{_HEAD}outs:\n-{out[1:]}meta:\n  gitreg:\n{meta}"

    def written_into(self, text: str) -> str:
        """The text of a pin with these values in the place of those that differ, the rest as it was.

        A new text where that cannot be done: a value is missing or too many, or stands there in an unusual way.
        """
        was = Pin.parse(text)
        before, after = _values(was) if was else {}, _values(self)
        if before.keys() != after.keys():
            return self.encode()
        changed = text
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
            nodes = [(_node_at(root, path), value) for path, value in after.items() if before[path] != value]
            for node, value in sorted(nodes, key=lambda item: item[0].start_mark.index, reverse=True):
                changed = f"{changed[: node.start_mark.index]}{value}{changed[node.end_mark.index :]}"
            return changed if Pin.parse(changed) == self else self.encode()
        except (RecordError, yaml.YAMLError):
            return self.encode()


def _values(pin: Pin) -> dict[_Path, str]:
    """Where in the document which value stands, as YAML, in the order of a new file."""
    out = {
        "md5": scalar(pin.md5).strip(),
        "size": str(pin.size),
        "nfiles": None if pin.nfiles is None else str(pin.nfiles),
        "hash": "md5",
        "path": scalar(pin.path).strip() if _PLAIN.match(pin.path) else _text(pin.path),
        "remote": _text(pin.remote) if pin.remote else None,
    }
    known = {
        "reference": _text(pin.reference),
        "version": _text(str(pin.version)),
        "commit": _text(str(pin.commit)),
        "file": _text(pin.file) if pin.file else None,
    }
    values: dict[_Path, str | None] = {("outs", 0, key): value for key, value in out.items()}
    values |= {("meta", "gitreg", key): value for key, value in known.items()}
    return {path: value for path, value in values.items() if value is not None}


def _text(value: str) -> str:
    return yamlio.dump({"": value}).partition(": ")[2].removesuffix("\n")


def _version(text: str) -> VersionName:
    """`model/Digits:v3`. Raises: RecordError."""
    collection, _, label = text.rpartition(":")
    number = parse_number(label)
    if number is not None:
        with contextlib.suppress(InvalidNameError):
            return VersionName(CollectionName.parse(collection), number)
    raise RecordError(f"a pin's version is {text!r}, expected COLLECTION:v<number>")


def _node_at(root: yaml.Node | None, path: _Path) -> yaml.Node:
    """The node at this place of a document that has it."""
    node = root
    for step in path:
        assert node is not None
        found = node.value[step] if isinstance(step, int) else next(v for k, v in node.value if k.value == step)
        node = found
    assert node is not None
    return node
