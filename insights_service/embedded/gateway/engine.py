"""Statements on chDB: a fresh handle for each request, so that settings and temporary tables never leak.

A new handle costs 0.4 ms and its statements run in parallel with those of all others. Requests that name
a session share that session's handle, one at a time; their URL settings stay in force for the session.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from insights_service.embedded.gateway import wire
from insights_service.embedded.gateway.running import TAG_SETTING, Places, new_tag

# chDB imports both when they are there and needs neither: 40 MB less.
for _unused in ("pandas", "pyarrow"):
    sys.modules.setdefault(_unused, None)  # type: ignore[arg-type]

import chdb  # noqa: E402

# Formats a stream may be cut in anywhere; others have a frame around the whole result.
_STREAMABLE = {"Native", "TabSeparated", "TSV", "CSV", "JSONEachRow", "RowBinary"}

Handle = Any  # chdb ships no types


@dataclass(slots=True)
class Reply:
    """What came out: a whole body, or chunks that are still being made."""

    body: bytes = b""
    chunks: Iterator[bytes] | None = None
    format: str = ""  # empty: the statement has no result set
    summary: str = "{}"
    tag: str = ""  # marks an error inside `chunks`
    close: Callable[[], None] = lambda: None


@dataclass(slots=True)
class _Session:
    handle: Handle
    seconds: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    used_at: float = field(default_factory=time.monotonic)


class Engine:
    """Owner of one data folder. Errors of the engine come out as exceptions whose text starts `Code: N.`"""

    def __init__(self, data: Path, config: Path, places: int = 16) -> None:
        self._address = f"{data}?config-file={config}"
        self._root = chdb.connect(self._address)  # keeps the engine up between requests
        self.places = Places(places)
        self._sessions: dict[str, _Session] = {}
        self._sessions_lock = threading.Lock()
        facts = self._root.query("SELECT version(), timezone()", "TabSeparated").bytes().decode().split()
        self.version, self.timezone = facts

    def run(self, statement: wire.Statement, tag: str) -> Reply:
        """Run one statement; `tag` names it for `cancel`. The caller must close the reply."""
        with ExitStack() as held:
            if not statement.is_control:
                held.enter_context(self.places.taken())
            handle = held.enter_context(self._handle(statement))
            _prepare(handle, statement, tag)
            reply = _execute(handle, statement, held)
            if reply.chunks is not None:
                reply.chunks = self._with_errors(reply.chunks, reply.tag)
                reply.close = held.pop_all().close
        return reply

    def cancel(self, tag: str) -> None:
        """End the statement of this tag, if it still runs."""
        with closing(chdb.connect(self._address)) as handle:
            handle.query(
                f"KILL QUERY WHERE Settings['{TAG_SETTING}'] = {wire.quoted(tag)} ASYNC", "TabSeparated"
            )

    def close(self, seconds: float) -> None:
        """Let nobody in, end what runs, write the logs. Data need no goodbye: acknowledged means on disk."""
        self.places.close()
        self._root.query("KILL QUERY WHERE 1 ASYNC", "TabSeparated")
        if self.places.wait_until_empty(seconds):
            self._root.query("SYSTEM FLUSH LOGS", "TabSeparated")
        with self._sessions_lock:
            for session in self._sessions.values():
                session.handle.close()
        self._root.close()

    def expire_sessions(self) -> None:
        """Close the sessions nobody has used for their timeout."""
        now = time.monotonic()
        with self._sessions_lock:
            for name, session in list(self._sessions.items()):
                if now - session.used_at > session.seconds and session.lock.acquire(blocking=False):
                    del self._sessions[name]
                    session.handle.close()

    @contextmanager
    def _handle(self, statement: wire.Statement) -> Iterator[Handle]:
        if statement.session_id is None:
            with closing(chdb.connect(self._address)) as handle:
                yield handle
            return
        session = self._session(statement)
        if not session.lock.acquire(blocking=False):
            raise wire.Refused(373, "SESSION_IS_LOCKED", "Session is locked by a concurrent client.")
        try:
            yield session.handle
        finally:
            session.used_at = time.monotonic()
            session.lock.release()

    def _session(self, statement: wire.Statement) -> _Session:
        assert statement.session_id is not None
        self.expire_sessions()
        with self._sessions_lock:
            session = self._sessions.get(statement.session_id)
            if session is None:
                if statement.session_must_exist:
                    raise wire.Refused(372, "SESSION_NOT_FOUND", "Session not found.")
                session = _Session(chdb.connect(self._address), statement.session_seconds)
                self._sessions[statement.session_id] = session
            session.seconds = statement.session_seconds
            return session

    def _with_errors(self, chunks: Iterator[bytes], tag: str) -> Iterator[bytes]:
        """The chunks; the answer has begun, so a failure becomes a part of it."""
        try:
            yield from chunks
        except Exception as error:
            yield wire.error_inside_stream(str(error), tag, self.version)


def _prepare(handle: Handle, statement: wire.Statement, tag: str) -> None:
    """Database and settings of the request; `readonly` last, because it forbids setting anything."""
    if statement.database:
        handle.query(f"USE {wire.quoted_name(statement.database)}", "TabSeparated")
    settings = {"log_comment": statement.query_id or tag, **statement.settings, TAG_SETTING: tag}
    if statement.readonly is not None:
        settings["readonly"] = str(statement.readonly)
    pairs = ", ".join(f"{name} = {wire.quoted(value)}" for name, value in settings.items())
    handle.query(f"SET {pairs}", "TabSeparated")


def _execute(handle: Handle, statement: wire.Statement, held: ExitStack) -> Reply:
    started = time.monotonic_ns()
    if statement.data is not None:
        return _insert(handle, statement, started)
    if statement.may_stream and statement.has_format and statement.format in _STREAMABLE:
        return _stream(handle, statement, held)
    return _whole(handle, statement, started)


def _insert(handle: Handle, statement: wire.Statement, started: int) -> Reply:
    with handle.send_insert(statement.sql.decode(), statement.format) as writer:
        writer.append(statement.data)
        written = writer.finish()
    return Reply(
        summary=wire.summary(
            written_rows=written.rows_written,
            written_bytes=written.bytes_written,
            elapsed_ns=time.monotonic_ns() - started,
        )
    )


def _whole(handle: Handle, statement: wire.Statement, started: int) -> Reply:
    """The complete answer. Without a FORMAT in the text, a line of names shows if there is a result set."""
    by_names = not statement.has_format and statement.format == "TabSeparated"
    form = "TabSeparatedWithNames" if by_names else statement.format
    result = handle.query(statement.sql, form, params=dict(statement.parameters))
    body = result.bytes() or b""
    has_rows = bool(body) or statement.has_format
    if by_names:
        body = body[body.find(b"\n") + 1 :]
    return Reply(
        body=body,
        format=statement.format if has_rows else "",
        summary=wire.summary(
            read_rows=result.storage_rows_read(),
            read_bytes=result.storage_bytes_read(),
            written_rows=result.rows_written(),
            written_bytes=result.bytes_written(),
            result_rows=result.rows_read(),
            elapsed_ns=time.monotonic_ns() - started,
        ),
    )


def _stream(handle: Handle, statement: wire.Statement, held: ExitStack) -> Reply:
    stream = handle.send_query(statement.sql, statement.format, params=dict(statement.parameters))
    held.callback(stream.close)  # cancels what nobody has read
    first = stream.fetch()
    if first is None:
        return Reply(format=statement.format)
    return Reply(chunks=_chunks(stream, first), format=statement.format, tag=new_tag())


def _chunks(stream: Any, first: Any) -> Iterator[bytes]:
    chunk = first
    while chunk is not None:
        yield chunk.bytes()
        chunk = stream.fetch()
