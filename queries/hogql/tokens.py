"""Text -> tokens. Positions are 1-based characters of the text, as shown in errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NoReturn

from queries.errors import InvalidQuery

Kind = Literal["number", "text", "name", "quoted", "sign", "end"]

MAX_EXPRESSION_LENGTH = 10_000
MAX_QUERY_LENGTH = 100_000

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<comment>--[^\n]*|/\*.*?\*/)
    | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?(?![\w$]))
    | (?P<text>'(?:[^'\\]|\\.|'')*')
    | (?P<name>[A-Za-z_$][\w$]*)
    | (?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
    | (?P<sign><=|>=|<>|!=|==|->|\|\||\?\?|::|[-+*/%=<>(),.\[\]{}?:])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is the meaning: unquoted and unescaped. Unquoted names keep their case."""

    kind: Kind
    text: str
    position: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "name" and self.text.upper() in words

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else f'"{self.text[:50]}"'


def refuse(detail: str, position: int) -> NoReturn:
    """The one error of user-written SQL: what is wrong, and where."""
    raise InvalidQuery(f"{detail} (position {position})", code="invalid_input")


def tokens(text: str, *, comments: bool, limit: int) -> Iterator[Token]:
    """The tokens, then one of kind `end`. Comments are skipped where allowed, else refused."""
    if len(text) > limit:
        raise InvalidQuery(f"The SQL is longer than {limit:,} characters.", code="max_length")
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            refuse(f"{text[position]!r} is not understood here", position + 1)
        kind = match.lastgroup
        if kind == "comment" and not comments:
            refuse("Comments are not allowed here", position + 1)
        if kind not in ("space", "comment"):
            yield _token(kind, match[0], position + 1)
        position = match.end()
    yield Token("end", "", len(text) + 1)


def _token(kind: str | None, raw: str, position: int) -> Token:
    match kind:
        case "text":
            return Token("text", _unquoted(raw, position), position)
        case "quoted":
            return Token("quoted", _unquoted(raw, position), position)
        case "number":
            return Token("number", raw, position)
        case "name":
            return Token("name", raw, position)
    return Token("sign", raw, position)


def _unquoted(raw: str, position: int) -> str:
    quote, inner = raw[0], raw[1:-1].replace(raw[0] * 2, raw[0])

    def meaning(match: re.Match[str]) -> str:
        letter = match[1]
        if letter in "%_":  # keeps its meaning inside LIKE patterns
            return match[0]
        return _ESCAPES.get(letter, letter) if letter != quote else quote

    found = re.sub(r"\\(.)", meaning, inner, flags=re.DOTALL)
    if "\0" in found:
        refuse("A text cannot hold the character NUL", position)
    return found
