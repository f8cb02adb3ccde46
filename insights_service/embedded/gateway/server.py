"""Sockets and threads of the gateway: one thread a connection, kept open between requests."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from insights_service.embedded.gateway import wire
from insights_service.embedded.gateway.engine import Engine, Reply
from insights_service.embedded.gateway.running import CallerWatch, new_tag

log = logging.getLogger("gateway")

Headers = list[tuple[str, str]]


class GatewayServer(ThreadingHTTPServer):
    """Serves one engine to callers on this machine who know the password."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], engine: Engine, password: str) -> None:
        if not ipaddress.ip_address(address[0]).is_loopback:
            raise ValueError(f"The embedded engine serves this machine only; {address[0]} is not loopback.")
        self.engine = engine
        self.password = password
        self.callers = CallerWatch(engine.cancel)
        super().__init__(address, _Request)


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536
    server: GatewayServer

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/ping" or (path == "/" and not query):
            return self._send(200, [], b"Ok.\n")
        self._answer(wire.read_query_string(query))

    def do_POST(self) -> None:
        self._answer(wire.read_query_string(self.path.partition("?")[2]))

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Statements are in system.query_log; a second log of requests would repeat it."""

    def _answer(self, parameters: dict[str, str]) -> None:
        engine = self.server.engine
        headers = {name.lower(): value for name, value in self.headers.items()}
        tag = new_tag()
        facts = [
            ("X-ClickHouse-Query-Id", parameters.get("query_id") or tag),
            ("X-ClickHouse-Server-Display-Name", "embedded"),
            ("X-ClickHouse-Timezone", engine.timezone),
        ]
        if not self._may_enter(headers, parameters):
            self.close_connection = True  # the body is not read
            return self._fail(
                facts, str(wire.Refused(516, "AUTHENTICATION_FAILED", "Authentication failed."))
            )
        try:
            statement = wire.read_statement(self.command, parameters, headers, self._body(headers))
            reply = self._run(statement, tag)
        except Exception as error:  # every failure of a statement has a place in the protocol
            return self._fail(facts, str(error))
        try:
            self._reply(facts, reply)
        except OSError:  # the caller hung up
            self.close_connection = True
        finally:
            reply.close()

    def _reply(self, facts: Headers, reply: Reply) -> None:
        facts.append(("X-ClickHouse-Summary", reply.summary))
        if reply.format:
            facts.append(("X-ClickHouse-Format", reply.format))
        if reply.chunks is None:
            return self._send(200, facts, reply.body)
        self._send_chunks([*facts, ("X-ClickHouse-Exception-Tag", reply.tag)], reply.chunks)

    def _run(self, statement: wire.Statement, tag: str) -> Reply:
        if not statement.only_reads:
            return self.server.engine.run(statement, tag)  # a write that has begun is finished
        with self.server.callers.watching(self.connection, tag):
            return self.server.engine.run(statement, tag)

    def _may_enter(self, headers: dict[str, str], parameters: dict[str, str]) -> bool:
        user, password = _credentials(headers, parameters)
        return user == "default" and hmac.compare_digest(password.encode(), self.server.password.encode())

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(self._body_chunks())
        return self.rfile.read(int(headers.get("content-length") or 0))

    def _body_chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers

    def _fail(self, facts: Headers, message: str) -> None:
        status, code, body = wire.error_answer(message, self.server.engine.version)
        self._send(status, [*facts, ("X-ClickHouse-Exception-Code", str(code))], body)

    def _send(self, status: int, headers: Headers, body: bytes) -> None:
        self._send_head(status, [*headers, ("Content-Length", str(len(body)))])
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _send_chunks(self, headers: Headers, chunks: Iterator[bytes]) -> None:
        self._send_head(200, [*headers, ("Transfer-Encoding", "chunked")])
        for chunk in chunks:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _send_head(self, status: int, headers: Headers) -> None:
        self.send_response_only(status)
        for name, value in [("Content-Type", "text/plain; charset=UTF-8"), *headers]:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()


def _credentials(headers: dict[str, str], parameters: dict[str, str]) -> tuple[str, str]:
    """User and password from wherever a client may put them."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(encoded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return user, password
    return (
        headers.get("x-clickhouse-user") or parameters.get("user", "default"),
        headers.get("x-clickhouse-key") or parameters.get("password", ""),
    )
