"""`Media`: encoded bytes with a caption, which every medium is to a table, an artifact and a run."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from gitreg.errors import InvalidValueError, MissingExtraError, RecordError
from gitreg.records.plain import visible
from gitreg.sdk import values

_M = TypeVar("_M", bound="Media")
# It becomes the end of a file's name.
_FORMAT = re.compile(r"[a-z0-9]{1,16}(?:\.[a-z0-9]{1,16}){0,2}\Z")


def need(library: str, extra: str = "tables") -> Any:
    """Import a library that an extra brings. Raises: MissingExtraError (an ImportError) that names the extra."""
    try:
        return import_module(library)
    except ModuleNotFoundError as error:
        root = library.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != root:
            raise
        raise MissingExtraError(root, extra) from error


class Media:
    """Encoded bytes with a caption: what `Artifact.add`, a cell of a table and `Run.log` take.

    Two are equal when their bytes, formats, captions and details are.
    """

    kind: ClassVar[str]
    """What sort of medium it is: `image`, `audio`, ..."""

    def __init__(
        self, data: bytes, format: str, caption: object = None, details: Mapping[str, Any] | None = None
    ) -> None:
        self._data = data
        self._format = format
        self._caption = None if caption is None else str(values.plain(str(caption)))
        given = {key: item for key, item in (details or {}).items() if item is not None}
        self._details: dict[str, Any] = values.plain(given)

    @classmethod
    def _of(cls: type[_M], data: bytes, format: str, caption: str | None, details: Mapping[str, Any]) -> _M:  # noqa: PYI019  # Python 3.10 has no Self
        """One that is encoded already, by whom ever. Raises: RecordError for a format or data that are none."""
        if not _FORMAT.match(format) or not isinstance(data, bytes):
            raise RecordError(f"a medium's format is {format[:100]!r}, and its data {type(data).__name__}")
        medium = cls.__new__(cls)
        Media.__init__(medium, data, format, caption, details)
        return medium

    @property
    def data(self) -> bytes:
        """The encoded bytes, which are what its file holds."""
        return self._data

    @property
    def format(self) -> str:
        """The format of the bytes, which is the end of a file's name: `png`, `wav`, ..."""
        return self._format

    @property
    def caption(self) -> str | None:
        """What is to be read below it."""
        return self._caption

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the encoded bytes into a file. Raises: OSError."""
        Path(path).write_bytes(self._data)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Media):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash((self.kind, self._data))

    def _identity(self) -> tuple[object, ...]:
        return self.kind, self._format, self._caption, self._details, self._data

    def __repr__(self) -> str:
        return visible(f"<{type(self).__name__} {self._format}, {len(self._data)} bytes>")


def read_path(path: object, what: str) -> tuple[bytes, str]:
    """The bytes of a file, and the end of its name in lower case. Raises: InvalidValueError when it cannot be read."""
    text = os.fspath(path)  # type: ignore[call-overload]
    if isinstance(text, str) and "://" in text:
        raise InvalidValueError(
            f"{what} cannot be made from the address {text[:200]!r}", hint="download it first, or use add_reference"
        )
    try:
        return Path(text).read_bytes(), Path(text).name.lower()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InvalidValueError(f"'{text}' cannot be read: {why}", hint="check the path") from error


def is_path(value: object) -> bool:
    """Whether it is the path of a file, as text or as an object for paths."""
    return isinstance(value, (str, os.PathLike))


def as_array(value: Any) -> Any:
    """Anything that is an array to numpy, tensors of torch and TensorFlow included, as an ndarray."""
    numpy = need("numpy")
    if callable(getattr(value, "detach", None)) and callable(getattr(value, "cpu", None)):
        value = value.detach().cpu()
        if "bfloat16" in str(value.dtype):
            # numpy has no such type, and every such number is a float32
            value = value.float()
        value = value.numpy()
    return numpy.asarray(value)
