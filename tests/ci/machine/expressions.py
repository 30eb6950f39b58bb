"""The expressions of GitHub's workflows, as far as the templates use them; anything else is refused.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<word>[A-Za-z_][\w-]*)|(?P<sign>==|!=|&&|\|\||[!().])|$)")
_STATUS = re.compile(r"\b(?:success|failure|cancelled|always)\(\)")
_LITERALS = {"true": True, "false": False, "null": None}

Contexts = Mapping[str, Any]


class NotImplementedHereError(AssertionError):
    """A workflow uses something that this runner does not know."""


def filled(text: str, contexts: Contexts) -> str:
    """A string with every `${{ }}` in it replaced."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: shown(evaluated(found[1], contexts)), text)


def value(text: str, contexts: Contexts) -> Any:
    """What a string is that may be nothing but one `${{ }}`, which then keeps its type."""
    whole = re.fullmatch(r"\s*\$\{\{(.*)\}\}\s*", text)
    return evaluated(whole[1], contexts) if whole and "${{" not in whole[1] else filled(text, contexts)


def condition(text: str, contexts: Contexts) -> bool:
    """What an `if` says; without a function about the status, `success()` is part of it."""
    inner = re.sub(r"^\s*\$\{\{(.*)\}\}\s*$", r"\1", text)
    if not _STATUS.search(inner) and not contexts["success"]:
        return False
    return bool(evaluated(inner, contexts))


def shown(found: Any) -> str:
    """How a value is written into a string."""
    if found is None:
        return ""
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, (dict, list)):
        raise NotImplementedHereError(f"an object in a string: {found!r}")
    return str(found)


def evaluated(text: str, contexts: Contexts) -> Any:
    """The value of an expression. Raises: NotImplementedHereError."""
    reader = _Reader(text, contexts)
    found = reader.either()
    if reader.at != len(reader.tokens):
        raise NotImplementedHereError(f"the expression {text!r}")
    return found


class _Reader:
    """Reads an expression from left to right, the loosest operator first."""

    def __init__(self, text: str, contexts: Contexts) -> None:
        self.contexts = contexts
        self.tokens: list[str] = []
        self.at = 0
        place = 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if not found or not found.group(0).strip():
                raise NotImplementedHereError(f"the expression {text!r}")
            self.tokens.append(found.group(0).strip())
            place = found.end()

    def either(self) -> Any:
        left = self._both()
        while self._took("||"):
            right = self._both()
            left = left or right
        return left

    def _both(self) -> Any:
        left = self._compared()
        while self._took("&&"):
            right = self._compared()
            left = left and right
        return left

    def _compared(self) -> Any:
        left = self._single()
        for sign in ("==", "!="):
            if self._took(sign):
                right = self._single()
                if not isinstance(left, str) or not isinstance(right, str):
                    raise NotImplementedHereError(f"a comparison of {left!r} and {right!r}, which are no strings")
                # GitHub's comparison of strings ignores case
                return (left.lower() == right.lower()) == (sign == "==")
        return left

    def _single(self) -> Any:
        if self._took("!"):
            return not self._single()
        if self._took("("):
            found = self.either()
            self._want(")")
            return found
        word = self._next()
        if word.startswith("'"):
            return word[1:-1].replace("''", "'")
        if self._took("("):
            return self._called(word)
        if word in _LITERALS:
            return _LITERALS[word]
        if not isinstance(self.contexts.get(word), Mapping):
            raise NotImplementedHereError(f"the context '{word}'")
        found = self.contexts[word]
        while self._took("."):
            found = self._member(found, self._next())
        return found

    def _member(self, found: Any, name: str) -> Any:
        # what is not there is empty, as on GitHub; a string has no members, though, which would be a slip
        if not isinstance(found, Mapping):
            raise NotImplementedHereError(f"'.{name}' of {found!r}")
        inner = found.get(name, "")
        return {} if inner == "" and self.tokens[self.at : self.at + 1] == ["."] else inner

    def _called(self, name: str) -> Any:
        functions: dict[str, Callable[[], Any]] = {
            "success": lambda: self.contexts["success"],
            "failure": lambda: not self.contexts["success"],
            "always": lambda: True,
            "cancelled": lambda: False,
        }
        if name == "fromJSON":
            text = self.either()
            self._want(")")
            return json.loads(text)
        if name not in functions:
            raise NotImplementedHereError(f"the function '{name}'")
        self._want(")")
        return functions[name]()

    def _took(self, token: str) -> bool:
        if self.tokens[self.at : self.at + 1] != [token]:
            return False
        self.at += 1
        return True

    def _want(self, token: str) -> None:
        if not self._took(token):
            raise NotImplementedHereError(f"an expression without '{token}'")

    def _next(self) -> str:
        if self.at == len(self.tokens):
            raise NotImplementedHereError("an expression that ends too early")
        self.at += 1
        return self.tokens[self.at - 1]
