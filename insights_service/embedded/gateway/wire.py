"""The wire of ClickHouse's HTTP interface, as far as clickhouse-connect uses it. No sockets, no engine."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

# URL parameters that are not settings of the statement.
_TRANSPORT = {
    "database", "query", "query_id", "session_id", "session_timeout", "session_check", "role", "quota_key",
    "user", "password", "default_format", "buffer_size", "compress", "decompress", "wait_end_of_query",
    "client_protocol_version", "send_progress_in_http_headers", "http_headers_progress_interval_ms",
    "enable_http_compression", "cancel_http_readonly_queries_on_client_close", "stacktrace",
    "output_format_compression_level",
}  # fmt: skip
# Exception code -> status of a server; everything else is 500.
_STATUS = {
    36: 400, 47: 404, 60: 404, 62: 400, 81: 404, 115: 404, 159: 408, 164: 403, 193: 403, 194: 403,
    202: 503, 372: 404, 373: 400, 457: 400, 497: 403, 516: 403,
}  # fmt: skip
_SKIPPED = rb"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|--[^\n]*|/\*.*?\*/"""
_INSERT = re.compile(rb"(?:\s|--[^\n]*\n|/\*.*?\*/)*INSERT\s+INTO\b", re.I | re.S)
_FORMAT_WORD = re.compile(_SKIPPED + rb"|\bFORMAT\s+(?P<format>\w+)[ \t]*;?[ \t]*(?:\r?\n)?", re.I | re.S)
_LAST_FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*(?:SETTINGS\b.*)?;?\s*\Z", re.I | re.S)
_FIRST_WORD = re.compile(rb"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*([A-Za-z]+)", re.S)
_SEMICOLON = re.compile(_SKIPPED + rb"|(?P<end>;)", re.S)
_NOTHING_LEFT = re.compile(rb"(?:\s|;|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*\Z", re.S)
_READING = {b"select", b"with", b"explain", b"show", b"describe", b"desc", b"exists"}
_CODE = re.compile(r"Code: (\d+)\.")
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Refused(Exception):
    """A request the engine is not asked about. The text has the form of a server's exception."""

    def __init__(self, code: int, name: str, sentence: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {sentence} ({name})")


@dataclass(frozen=True, slots=True)
class Statement:
    """One request, understood.

    `data` is the payload of an INSERT (None: no INSERT with a payload); then `sql` ends before FORMAT.
    `format` is the payload's or the answer's; `has_format` tells whether the text itself names it.
    `readonly` is the setting of that name, applied after all others.
    """

    sql: bytes
    data: bytes | None
    format: str
    has_format: bool
    query_id: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    readonly: int | None = None
    database: str | None = None
    session_id: str | None = None
    session_seconds: int = 60
    session_must_exist: bool = False
    may_stream: bool = False

    @property
    def only_reads(self) -> bool:
        word = _FIRST_WORD.match(self.sql)
        return self.data is None and word is not None and word[1].lower() in _READING

    @property
    def is_control(self) -> bool:
        """Looks at or ends other statements: must get through when all places are taken."""
        word = _FIRST_WORD.match(self.sql)
        return (word is not None and word[1].lower() == b"kill") or b"system.processes" in self.sql


def read_statement(
    method: str, parameters: dict[str, str], headers: Mapping[str, str], body: bytes
) -> Statement:
    """What the request asks for. `headers` have lower-case names. Raises Refused."""
    body = _inflated(body, headers.get("content-encoding", ""))
    kind = headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        parameters = {**parameters, **read_multipart(kind, body)}
        body = b""
    in_url = parameters.get("query", "").encode()
    text, rest = (in_url, body) if in_url else (body, b"")
    settings = {name: value for name, value in parameters.items() if _is_setting(name)}
    for name in settings:
        if not _SETTING_NAME.fullmatch(name):
            raise Refused(115, "UNKNOWN_SETTING", f"Unknown setting '{name}'.")
    readonly = settings.pop("readonly", "2" if method in ("GET", "HEAD") else None)
    sql, data, form, has_format = _split(text, rest)
    return Statement(
        sql=sql,
        data=data,
        format=form
        or headers.get("x-clickhouse-format")
        or parameters.get("default_format")
        or "TabSeparated",
        has_format=has_format,
        query_id=parameters.get("query_id", ""),
        parameters={name[6:]: value for name, value in parameters.items() if name.startswith("param_")},
        settings=settings,
        readonly=_number(readonly, "readonly") if readonly is not None else None,
        database=headers.get("x-clickhouse-database") or parameters.get("database") or None,
        session_id=parameters.get("session_id") or None,
        session_seconds=min(_number(parameters.get("session_timeout", "60"), "session_timeout"), 3600),
        session_must_exist=parameters.get("session_check") == "1",
        may_stream=parameters.get("wait_end_of_query") != "1",
    )


def _is_setting(name: str) -> bool:
    return name not in _TRANSPORT and not name.startswith("param_")


def _number(text: str, name: str) -> int:
    if not text.isdecimal():
        raise Refused(72, "CANNOT_PARSE_NUMBER", f"Cannot parse '{text}' as the number '{name}'.")
    return int(text)


def _split(text: bytes, rest: bytes) -> tuple[bytes, bytes | None, str, bool]:
    """Statement text, payload, format and whether the text names the format."""
    if insert := _INSERT.match(text):
        for found in _FORMAT_WORD.finditer(text, insert.end()):
            if found["format"]:
                payload = text[found.end() :] + rest
                return text[: found.start()], payload, found["format"].decode(), True
    sql = text + b"\n" + rest if rest else text
    _one_statement_only(sql)
    last = _LAST_FORMAT.search(sql)
    return sql, None, last[1].decode() if last else "", last is not None


def _one_statement_only(sql: bytes) -> None:
    """chDB would run `a; b`; a server does not, and neither do we."""
    for found in _SEMICOLON.finditer(sql):
        if found["end"] and not _NOTHING_LEFT.match(sql, found.end()):
            raise Refused(62, "SYNTAX_ERROR", "Syntax error: multi-statements are not allowed.")


def _inflated(body: bytes, encoding: str) -> bytes:
    match encoding:
        case "" | "identity":
            return body
        case "gzip":
            return gzip.decompress(body)
        case "deflate":
            return zlib.decompress(body)
        case "lz4":  # both codecs come with clickhouse-connect, whose clients are the only ones to use them
            import lz4.frame  # type: ignore[import-untyped]

            return bytes(lz4.frame.decompress(body))
        case "zstd":
            from backports import zstd

            return bytes(zstd.decompress(body))
    raise Refused(487, "UNKNOWN_COMPRESSION_METHOD", f"Unknown compression method '{encoding}'.")


def read_query_string(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


def read_multipart(content_type: str, body: bytes) -> dict[str, str]:
    """Fields of a form of plain texts. Raises Refused for files: external tables are not offered."""
    found = re.search(r'boundary="?([^";]+)"?', content_type)
    if not found:
        raise Refused(36, "BAD_ARGUMENTS", "The form has no boundary.")
    fields = {}
    for part in body.split(b"--" + found[1].encode())[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        if name is None or b'filename="' in head:
            raise Refused(48, "NOT_IMPLEMENTED", "External tables are not offered by the embedded engine.")
        fields[name[1].decode()] = value.removesuffix(b"\r\n").decode()
    return fields


# Answers


def error_answer(message: str, version: str) -> tuple[int, int, bytes]:
    """Status, exception code and body for an engine's (or our own) exception text."""
    start = max(message.find("Code: "), 0)  # chDB puts words such as "Streaming query failed:" before it
    message = message[start:].rstrip()
    found = _CODE.match(message)
    code = int(found[1]) if found else 1002
    if not found:
        message = f"Code: 1002. DB::Exception: {message} (UNKNOWN_EXCEPTION)"
    return _STATUS.get(code, 500), code, f"{message} (version {version})\n".encode()


def error_inside_stream(message: str, tag: str, version: str) -> bytes:
    """How a server reports a failure after it has begun to answer 200."""
    _, _, text = error_answer(message, version)
    mark = tag.encode()
    return (
        b"\r\n__exception__\r\n"
        + mark
        + b"\r\n"
        + text
        + b"%d " % len(text)
        + mark
        + b"\r\n__exception__\r\n"
    )


def summary(
    *, read_rows: int = 0, read_bytes: int = 0, written_rows: int = 0, written_bytes: int = 0,
    result_rows: int = 0, elapsed_ns: int = 0,
) -> str:  # fmt: skip
    """The X-ClickHouse-Summary header: numbers as text, as a server writes them."""
    numbers = {
        "read_rows": read_rows,
        "read_bytes": read_bytes,
        "written_rows": written_rows,
        "written_bytes": written_bytes,
        "result_rows": result_rows,
        "elapsed_ns": elapsed_ns,
    }
    return json.dumps({name: str(number) for name, number in numbers.items()})


def quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted_name(value: str) -> str:
    return "`" + value.replace("\\", "\\\\").replace("`", "\\`") + "`"
