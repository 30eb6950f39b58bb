"""Messages with YAML trailers, FORMAT.md 3: a subject, a body, and records in the last paragraph.

Parsed from the raw message: `git interpret-trailers --parse` and GitPython fold a value over several lines into one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gitreg.errors import RecordError
from gitreg.records import yamlio

_KEY = re.compile(r"([A-Za-z][A-Za-z0-9-]*): ?(.*)\Z")


@dataclass(frozen=True, slots=True)
class Message:
    """A message taken apart.

    Attributes:
        subject: one line.
        body: paragraphs between subject and trailers, without surrounding line breaks; may be empty.
        trailers: each gitreg record as its YAML text (unparsed: most readers want one of them, or none).
    """

    subject: str
    body: str
    trailers: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> Message:
        """Take a message apart.

        Raises: RecordError when a `Gitreg-` key stands twice.
        """
        paragraphs = text.strip("\n").split("\n\n")
        subject, _, rest = paragraphs[0].partition("\n")
        trailers = _trailers(paragraphs[-1]) if len(paragraphs) > 1 else {}
        body = paragraphs[1:-1] if trailers else paragraphs[1:]
        return cls(subject, "\n\n".join([rest, *body] if rest else body).strip("\n"), trailers)

    def encode(self) -> str:
        """The message. Raises: RecordError when the subject has several lines."""
        if "\n" in self.subject or not self.subject:
            raise RecordError("a message's subject must be one line")
        parts = [self.subject]
        if self.body.strip():
            parts.append(self.body.strip("\n"))
        if self.trailers:
            parts.append("\n".join(_block(key, text) for key, text in self.trailers.items()))
        return "\n\n".join(parts) + "\n"

    def record(self, key: str) -> dict[str, object] | None:
        """The record under `key`, None when there is none. Raises: RecordError."""
        text = self.trailers.get(key)
        return None if text is None else yamlio.load(text)


def compose(subject: str, records: Mapping[str, Mapping[str, object]], body: str = "") -> str:
    """A message with one trailer for each record. Raises: RecordError."""
    return Message(subject, body, {key: yamlio.dump(record) for key, record in records.items()}).encode()


def _block(key: str, text: str) -> str:
    return "\n".join([f"{key}: ---", *(f"  {line}" for line in text.rstrip("\n").split("\n"))])


def _trailers(paragraph: str) -> dict[str, str]:
    """The gitreg records of the last paragraph; other people's trailers are passed over."""
    records: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in paragraph.split("\n"):
        if line.startswith((" ", "\t")):
            if lines is not None:
                lines.append(line[2:] if line.startswith("  ") else line[1:])
            continue
        lines = None
        match = _KEY.match(line)
        if match and match[1].startswith("Gitreg-"):
            if match[1] in records:
                raise RecordError(f"trailer '{match[1]}' stands twice")
            lines = records[match[1]] = [] if match[2] == "---" else [match[2]]
    return {key: "\n".join(value) + "\n" for key, value in records.items()}
