"""The `.dvc` file: how an artifact's tree names its bytes (FORMAT.md 5.2).

Written byte for byte as `dvc add` does, whose YAML library (ruamel, YAML 1.2) quotes and breaks lines by its own rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeGuard

from gitreg.errors import RecordError, UnsafePathError
from gitreg.records import yamlio
from gitreg.records.paths import check_path

_HASH = re.compile(r"[0-9a-f]{32}(?:\.dir)?\Z")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
# What YAML 1.2 as ruamel implements it resolves to something other than a string, hence quotes.
_QUOTED = re.compile(
    r"""(?: true|True|TRUE|false|False|FALSE|null|Null|NULL
        | 0b[01_]+ | 0o?[0-7_]+ | [0-9][0-9_]* | 0x[0-9a-fA-F_]+
        | [0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)? | [0-9][0-9_]*[eE][-+]?[0-9]+
        | [0-9]{4}-[0-9]{2}-[0-9]{2} )\Z""",
    re.VERBOSE,
)
_LONGEST_ON_KEY_LINE = 72


@dataclass(frozen=True, slots=True)
class Pointer:
    """One output of a `.dvc` file.

    Attributes:
        path: the output's name, beside the `.dvc` file.
        md5: name of the object; ends in `.dir` for a directory.
        size: bytes.
        nfiles: files in the directory; None for a single file.

    Raises: RecordError, UnsafePathError.
    """

    path: str
    md5: str
    size: int
    nfiles: int | None

    def __post_init__(self) -> None:
        check_path(self.path)
        if not _NAME.match(self.path):
            raise UnsafePathError(self.path, "an output's name is letters, digits, '_', '.' and '-'")
        if not _HASH.match(self.md5):
            raise RecordError(f"pointer to '{self.path}' has no md5 but {self.md5!r}")
        if self.size < 0 or (self.nfiles is not None and self.nfiles < 0):
            raise RecordError(f"pointer to '{self.path}' has a negative size")
        if self.is_dir != (self.nfiles is not None):
            raise RecordError(f"pointer to '{self.path}' must have 'nfiles' exactly when it is a directory")

    @property
    def is_dir(self) -> bool:
        """Whether the output is a directory."""
        return self.md5.endswith(".dir")

    def encode(self) -> bytes:
        """The text of the `.dvc` file."""
        nfiles = "" if self.nfiles is None else f"  nfiles: {self.nfiles}\n"
        return (
            f"outs:\n- md5:{scalar(self.md5)}\n  size: {self.size}\n{nfiles}  hash: md5\n  path:{scalar(self.path)}\n"
        ).encode()

    @classmethod
    def parse(cls, text: bytes) -> Pointer:
        """Read a `.dvc` file with one output; keys it does not know are ignored.

        Raises: RecordError, UnsafePathError.
        """
        try:
            record = yamlio.load(text.decode())
        except UnicodeDecodeError as error:
            raise RecordError("pointer is not UTF-8") from error
        outs = record.get("outs")
        if not isinstance(outs, list) or len(outs) != 1 or not isinstance(outs[0], dict):
            raise RecordError("pointer must have exactly one output")
        out = outs[0]
        if record.get("wdir", ".") != ".":
            raise RecordError("pointer has its output in another directory")
        path, md5, size, nfiles = (out.get(key) for key in ("path", "md5", "size", "nfiles"))
        if out.get("hash", "md5") != "md5" or not isinstance(path, str) or not isinstance(md5, str):
            raise RecordError("pointer has no md5 or no path")
        if not _is_count(size) or not (nfiles is None or _is_count(nfiles)):
            raise RecordError(f"pointer to {path!r} has no size, or one that is no number")
        return cls(path, md5, size, nfiles)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def scalar(text: str) -> str:
    """A string after its key's colon, as ruamel writes it, the space or line break before it included."""
    if _QUOTED.match(text):
        return f" '{text}'"
    return f" {text}" if len(text) <= _LONGEST_ON_KEY_LINE else f" \n    {text}"
