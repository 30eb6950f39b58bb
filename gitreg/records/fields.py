"""Typed reading of a record's fields: each getter returns what the format promises or raises RecordError."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from gitreg.errors import NewerSchemaError, RecordError

SCHEMA = 1

Document = Mapping[str, object]
T = TypeVar("T")


def check_schema(document: Document, what: str) -> None:
    """Refuse what a newer gitreg wrote. Raises: NewerSchemaError, RecordError."""
    schema = integer(document, "schema")
    if schema == 0:
        raise _wrong(document, "schema", "a number from 1")
    if schema > SCHEMA:
        raise NewerSchemaError(what, schema, SCHEMA)


def string(document: Document, key: str, default: str | None = None) -> str:
    """A string; a required one when there is no default."""
    value = document.get(key, default)
    if not isinstance(value, str):
        raise _wrong(document, key, "a string")
    return value


def word(document: Document, key: str, words: Sequence[str]) -> Any:
    """One of these words; typed as the caller's literal."""
    value = string(document, key)
    if value not in words:
        raise _wrong(document, key, f"one of {', '.join(words)}")
    return value


def integer(document: Document, key: str) -> int:
    """A required integer that is not negative."""
    value = document.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _wrong(document, key, "a number")
    return value


def number(document: Document, key: str) -> float:
    """A required number, integers included."""
    value = document.get(key)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise _wrong(document, key, "a number")
    return value


def boolean(document: Document, key: str, *, default: bool | None = None) -> bool:
    """True or false; a required one when there is no default."""
    value = document.get(key, default)
    if not isinstance(value, bool):
        raise _wrong(document, key, "true or false")
    return value


def mapping(document: Document, key: str, *, required: bool = False) -> dict[str, object]:
    """A mapping; empty when absent, unless it is required."""
    value = document.get(key, None if required else {})
    if not isinstance(value, dict):
        raise _wrong(document, key, "a mapping")
    return value


def strings(document: Document, key: str) -> tuple[str, ...]:
    """A list of strings; empty when absent."""
    value = document.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(document, key, "a list of strings")
    return tuple(value)


def items(document: Document, key: str, parse: Callable[[Document], T]) -> tuple[T, ...]:
    """A list of mappings, each read by `parse`; empty when absent."""
    value = document.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _wrong(document, key, "a list of mappings")
    return tuple(parse(item) for item in value)


def present(**fields: object) -> dict[str, object]:
    """The fields that are neither None nor an empty string, list or mapping."""
    return {key: value for key, value in fields.items() if value is not None and value not in ("", (), [], {})}


def _wrong(document: Document, key: str, expected: str) -> RecordError:
    found = f"holds {document[key]!r}" if key in document else "is missing"
    return RecordError(f"field '{key}' {found}, expected {expected}")
