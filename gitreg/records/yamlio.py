"""The YAML that records are made of: a writer of the subset in FORMAT.md 3.3, a reader behind the limits of 3.4.

PyYAML's own `safe_load` follows aliases, merges keys, keeps the last of duplicate keys and reads `no` as False, so its
event stream is used and nothing above it. The writer is ours because its bytes are hashed: they may not change with a
library's release.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from gitreg.errors import RecordError, SettingsError

MAX_BYTES = 1 << 20
MAX_DEPTH = 32

# PyYAML's loader on libyaml is ten times faster; some builds come without it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.+/-]*\Z")
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity", "none"])
# What JSON leaves as it is and YAML, a terminal or a reader's eye does not: DEL and C1 controls, line and paragraph
# separators, the byte order mark, noncharacters, bidirectional and other invisible formatting controls.
_ESCAPE = re.compile(
    "[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000))
    + "]"
)
_INT = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"0(?:o[0-7]+|x[0-9a-fA-F]+)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_CONSTANTS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}


def dump(document: Mapping[str, object]) -> str:
    """The document as YAML, a line for each key and no `---`; ends with a line break.

    Raises: RecordError for what `load` would not read back: keys that are no strings or too long, lone surrogates,
        other types, and what is above its limits.
    """
    if not document:
        return "{}\n"
    lines = []
    for key, value in document.items():
        if isinstance(value, (list, tuple)) and value and all(isinstance(item, Mapping) for item in value):
            lines.append(f"{_key(key)}:")
            lines.extend(f"  - {_flow(item, 2)}" for item in value)
        else:
            lines.append(f"{_key(key)}: {_flow(value, 1)}")
    text = "".join(f"{line}\n" for line in lines)
    if len(text.encode()) > MAX_BYTES:
        raise RecordError(f"a record would be larger than {MAX_BYTES} bytes")
    return text


def _flow(value: object, depth: int) -> str:
    """The value in flow style; `depth` counts the mappings and lists around it."""
    if depth >= MAX_DEPTH and isinstance(value, (Mapping, list, tuple)):
        raise RecordError(f"nested deeper than {MAX_DEPTH} levels")
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _integer(int(value))
    if isinstance(value, float):
        return _float(float(value))
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)}: {_flow(item, depth + 1)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(item, depth + 1) for item in value) + "]"
    raise RecordError(f"a record cannot hold a value of type '{type(value).__name__}'")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise RecordError(f"a record's key must be a string, not {key!r}")
    text = _string(key)
    # YAML 1.1 and 1.2 limit a key on one line to 1,024 characters.
    if len(text) > 1000:
        raise RecordError("a record's key is longer than 1,000 characters")
    return text


def _string(text: str) -> str:
    if _PLAIN.match(text) and text.lower() not in _WORDS:
        return text
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RecordError(f"text holds a lone surrogate: {text!r}") from error
    return _ESCAPE.sub(lambda match: _escaped(match[0]), json.dumps(text, ensure_ascii=False))


def _escaped(character: str) -> str:
    # YAML reads surrogate pairs as two characters, unlike JSON, and has \U for the rest.
    point = ord(character)
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _integer(value: int) -> str:
    try:
        return str(value)
    except ValueError as error:
        raise RecordError("a number in a record has too many digits") from error


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # YAML 1.1 reads 1e-05 as a string.
    return text if "." in text else text.replace("e", ".0e")


class Lined(dict[str, object]):
    """A mapping that people wrote, which knows where.

    Attributes:
        line: where it begins, from 1.
        lines: where each key stands.
    """

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


def load(text: str) -> dict[str, object]:
    """Read one YAML mapping.

    Raises: RecordError for anything outside FORMAT.md 3.4, bad YAML included.
    """
    value = _load(_Events(text))
    if not isinstance(value, dict):
        raise RecordError("a record must be a mapping")
    return value


def load_lined(path: str, text: str) -> Lined:
    """Read the mapping that people wrote into a file, those in it as `Lined` too; an empty file is an empty one.

    The same limits hold. Raises: SettingsError.
    """
    events = _Events(text)
    try:
        value = _load(events, Lined)
    except RecordError as error:
        marks = [number for number, line in enumerate(text.splitlines(), 1) if line.startswith("<<<<<<< ")]
        if marks:
            hint = "keep what you want of both sides, take away the marks, and commit"
            raise SettingsError(path, marks[0], "git left a conflict here", hint=hint) from error
        raise SettingsError(path, events.line, error.message, hint=error.hint) from error
    if value is None or value is _NOTHING:
        return Lined(1)
    if not isinstance(value, Lined):
        raise SettingsError(path, 1, "a mapping is expected here")
    return value


class _Events:
    """The parser's events, and the line that they have come to."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.line = 0

    def __iter__(self) -> Iterator[yaml.Event]:
        for event in yaml.parse(self.text, Loader=_Loader):
            self.line = event.start_mark.line + 1 if event.start_mark else self.line
            yield event


def _load(events: _Events, mapping: Callable[[int], dict[str, object]] = lambda _: {}) -> object:
    """Read a document; `mapping` makes an empty mapping that begins at a line. Raises: RecordError."""
    if len(events.text) > MAX_BYTES or len(events.text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise RecordError(f"larger than {MAX_BYTES} bytes")
    try:
        return _build(events, mapping)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        events.line = mark.line + 1 if mark else events.line
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise RecordError(f"bad YAML: {problem}") from error
    except UnicodeError as error:
        raise RecordError("bad YAML: not valid Unicode") from error


_NOTHING = object()


def _build(events: _Events, mapping: Callable[[int], dict[str, object]]) -> object:
    """Build the value from the parser's events, without recursion, so that depth costs nothing."""
    stack: list[tuple[dict[str, object] | list[object], object]] = []
    result: object = _NOTHING
    container: dict[str, object] | list[object] | None = None
    key: object = _NOTHING
    for event in events:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise RecordError("anchors and aliases are not allowed in a record")
        value: object
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if event.tag is not None:
                raise RecordError(f"tag {event.tag!r} is not allowed in a record")
            if len(stack) >= MAX_DEPTH:
                raise RecordError(f"nested deeper than {MAX_DEPTH} levels")
            if isinstance(container, dict) and key is _NOTHING:
                raise RecordError("a record's key must be a string")
            if container is not None:
                stack.append((container, key))
            else:
                stack.append(([], _NOTHING))
            container = mapping(events.line) if isinstance(event, yaml.MappingStartEvent) else []
            key = _NOTHING
            continue
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            value = container
            container, key = stack.pop()
            if not stack:
                container = None
        elif isinstance(event, yaml.DocumentStartEvent) and result is not _NOTHING:
            raise RecordError("a record must be one YAML document")
        else:
            continue
        if container is None:
            result = value
        elif isinstance(container, list):
            container.append(value)
        elif key is _NOTHING:
            if not isinstance(value, str):
                raise RecordError(f"a record's key must be a string, not {value!r}")
            if value in container:
                raise RecordError(f"key {value!r} stands twice")
            key = value
            if isinstance(container, Lined):
                container.lines[value] = events.line
        else:
            container[str(key)] = value
            key = _NOTHING
    return result


def _scalar(event: yaml.ScalarEvent) -> object:
    if event.tag is not None:
        raise RecordError(f"tag {event.tag!r} is not allowed in a record")
    text: str = event.value
    if event.style or not event.implicit[0]:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    try:
        if _INT.match(text):
            return int(text)
        if _BASED.match(text):
            return int(text, 0)
        if _FLOAT.match(text):
            return float(text)
    except ValueError as error:
        raise RecordError("a number in a record has too many digits") from error
    return text
