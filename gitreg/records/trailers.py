"""Messages with YAML trailers, FORMAT.md 3: a subject, a body, and records in the last paragraph.

Parsed from the raw message: `git interpret-trailers --parse` and GitPython fold a value over several lines into one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gitreg.errors import RecordError
from gitreg.records import yamlio

# As git reads them: keys in any case, white space before the colon and around the value.
_KEY = re.compile(r"(gitreg-[a-z0-9-]+)[ \t]*:(.*)\Z", re.IGNORECASE)
# To git nothing behind a scissors line belongs to the message, trailers included.
_SCISSORS = re.compile(r"^(?=.? ?-+ >8 -+$)", re.MULTILINE)
# To git a line of nothing but white space ends a paragraph too.
_BLANK = re.compile(r"\n(?:[ \t\r\f\v]*\n)+")


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

        Raises: RecordError when a `Gitreg-` key stands twice, in whatever case, or opens no YAML document, and for NUL
            in a message with records.
        """
        subject, _, body = text.strip("\n").partition("\n")
        breaks = list(_BLANK.finditer(f"\n{body}"))
        trailers = _trailers(body[breaks[-1].end() - 1 :]) if breaks else {}
        if trailers and "\0" in text:
            raise RecordError("a message with records holds NUL, behind which git sees nothing")
        if trailers:
            body = body[: max(breaks[-1].start() - 1, 0)]
        return cls(subject, body.strip("\n"), trailers)

    def encode(self) -> str:
        """The message, with a scissors line in the body indented.

        Raises: RecordError when the subject has several lines.
        """
        if "\n" in self.subject or not self.subject:
            raise RecordError("a message's subject must be one line")
        parts = [self.subject]
        if self.body.strip():
            parts.append(_SCISSORS.sub(" ", self.body.strip("\n")))
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
        if match:
            if match[1].lower() in map(str.lower, records):
                raise RecordError(f"trailer '{match[1]}' stands twice")
            if match[2].strip(" \t\r") != "---":
                raise RecordError(f"trailer '{match[1]}' opens no YAML document with '---'")
            lines = records[match[1]] = []
    return {key: "\n".join(value) + "\n" for key, value in records.items()}
