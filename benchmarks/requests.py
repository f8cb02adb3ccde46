"""What a request costs besides its query: `python -m benchmarks.requests RUN_DIR`.

Speaks to a running stack of this checkout (`./run start --detach`) and starts a bare Django view beside it,
under the same web server with the same number of processes and threads. A saved insight with a kept result
of about 20 kB is read in full, read with its ETag (304), and compared with the bare view that answers the
same bytes, alone and behind this service's middleware; rounds alternate, ratios are medians of neighbouring
rounds. Then a list of a hundred among ten thousand insights, fifty questions at once that are the same, and
fifty that differ.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CLIENTS = 4
SAVED = 10_000
WIDE = {  # about 20 kB
    "kind": "TrendsQuery",
    "series": [{"kind": "EventsNode", "event": None}],
    "dateRange": {"date_from": "2024-01-01", "date_to": "2024-12-31"},
    "interval": "day",
}


@dataclass
class Caller:
    """Requests of one key to one project, over one connection of each thread."""

    url: str
    project_id: int
    key: str

    def __post_init__(self) -> None:
        self._local = threading.local()

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers; a connection that was closed meanwhile is made again."""
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **(headers or {})}
        data = None if body is None else json.dumps(body)
        for attempt in (1, 2):
            connection = self._connection()
            try:
                connection.request(method, path, data, sent)
                answer = connection.getresponse()
                return answer.status, answer.read(), answer.headers
            except (http.client.HTTPException, ConnectionError):
                self._local.connection = None
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def json(self, method: str, path: str, body: Any = None) -> Any:
        status, content, _ = self.call(method, f"/api/projects/{self.project_id}/{path}", body)
        assert status in (200, 201), (status, content[:500])
        return json.loads(content)

    def _connection(self) -> http.client.HTTPConnection:
        if getattr(self._local, "connection", None) is None:
            parts = urlsplit(self.url)
            self._local.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        return self._local.connection  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.requests", description=__doc__)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--clients", type=int, default=CLIENTS, help=f"that read the insight ({CLIENTS})")
    parser.add_argument("--only", choices=("cached", "list", "parallel"))
    arguments = parser.parse_args()
    state = json.loads((arguments.run_dir / "state.json").read_text())
    demo = state["demo"]
    caller = Caller(state["urls"]["web"], demo["project_id"], demo["personal_api_key"])
    parts: Mapping[str, Callable[[], None]] = {
        "cached": lambda: cached(caller, arguments),
        "list": lambda: listed(caller, arguments.rounds),
        "parallel": lambda: parallel(caller),
    }
    for name, part in parts.items():
        if arguments.only in (None, name):
            part()


# --- a kept result -----------------------------------------------------------------------------------------


def cached(caller: Caller, arguments: argparse.Namespace) -> None:
    made = caller.json("POST", "insights/", {"name": "wide", "query": WIDE})
    path = f"/api/projects/{caller.project_id}/insights/{made['id']}/"
    status, _, _ = caller.call("GET", f"{path}?refresh=blocking")
    assert status == 200
    status, body, headers = caller.call("GET", path)
    assert status == 200
    assert json.loads(body)["is_cached"]
    known = {"If-None-Match": headers["ETag"]}
    rates: dict[str, list[float]] = {"bare": [], "behind": [], "cached": [], "304": []}
    stack = {"RUN_DIR": str(arguments.run_dir.absolute()), "BARE_BEHIND": "1"}
    with bare_view(body) as bare, bare_view(body, stack) as behind:
        other, other_behind = Caller(bare, 0, ""), Caller(behind, 0, "")
        ways: Mapping[str, Callable[[], int]] = {
            "bare": lambda: other.call("GET", "/")[0],
            "behind": lambda: other_behind.call("GET", "/")[0],
            "cached": lambda: caller.call("GET", path)[0],
            "304": lambda: caller.call("GET", path, headers=known)[0],
        }
        for round_ in range(arguments.rounds + 1):
            for name, way in ways.items():
                expected = 304 if name == "304" else 200
                rate = per_second(way, expected, arguments.seconds, arguments.clients)
                if round_:  # the first one warms up
                    rates[name].append(rate)
    print(f"a saved insight of {len(body)} bytes, {arguments.clients} clients, requests a second (medians):")
    for name, found in rates.items():
        ratios = [
            statistics.median(own / base for own, base in zip(found, rates[other], strict=True))
            for other in ("bare", "behind")
        ]
        print(
            f"  {name:8} {statistics.median(found):7.0f}   {ratios[0]:.2f} of the bare view,"
            f" {ratios[1]:.2f} of it behind the middleware"
        )


def per_second(way: Callable[[], int], expected: int, seconds: float, clients: int) -> float:
    """Requests a second of all clients together; each answer must have the expected status."""
    until = time.monotonic() + seconds

    def client(_: int) -> int:
        count = 0
        while time.monotonic() < until:
            assert way() == expected
            count += 1
        return count

    with ThreadPoolExecutor(clients) as pool:
        began = time.monotonic()
        return sum(pool.map(client, range(clients))) / (time.monotonic() - began)


@contextmanager
def bare_view(body: bytes, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """URL of `benchmarks.bare` with this body, for as long as the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryDirectory() as counters:
        file.write(body)
        file.flush()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"),
                *("--port", str(port), "--workers", "1", "--blocking-threads", "16", "--no-ws"),
                *("--backlog", "1024", "--runtime-mode", "st", "--log-level", "error"),
                "benchmarks.bare:application",
            ],
            env={
                **os.environ,
                "BARE_BODY": file.name,
                "PROMETHEUS_MULTIPROC_DIR": counters,
                **(environment or {}),
            },
            stdout=subprocess.DEVNULL,
        )
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("The bare view did not start.")


# --- a long list -------------------------------------------------------------------------------------------


def listed(caller: Caller, rounds: int) -> None:
    missing = SAVED - caller.json("GET", "insights/?limit=1&basic=true")["count"]
    if missing > 0:
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda number: _save(caller, number), range(missing)))
    path = f"/api/projects/{caller.project_id}/insights/?limit=100"
    took: dict[str, list[float]] = {"basic": [], "with results": []}
    for _ in range(rounds):
        for name, way in (("basic", f"{path}&basic=true"), ("with results", path)):
            began = time.monotonic()
            status, _body, _ = caller.call("GET", way)
            assert status == 200
            took[name].append(time.monotonic() - began)
    print(f"a hundred of {SAVED} insights (statements: tests/statement_counts.json):")
    for name, found in took.items():
        print(f"  {name:13} {1000 * statistics.median(found):5.0f} ms")


def _save(caller: Caller, number: int) -> None:
    series = [{"kind": "EventsNode", "event": f"event {number % 50}"}]
    caller.json(
        "POST", "insights/", {"name": f"no {number}", "query": {"kind": "TrendsQuery", "series": series}}
    )


# --- many at once ------------------------------------------------------------------------------------------


def parallel(caller: Caller) -> None:
    """Questions that start together; fairness between projects is `tests/refresh/test_fairness.py`."""
    same = uuid.uuid4().hex
    answers = _at_once([(caller, same)] * 50)
    print(f"fifty that are the same: {_told(answers)}, computed {_computed(answers)}")
    answers = _at_once([(caller, uuid.uuid4().hex) for _ in range(50)])
    print(f"fifty that differ: {_told(answers)}, computed {_computed(answers)}")


def _at_once(asked: list[tuple[Caller, str]]) -> list[tuple[int, bool, float]]:
    start = threading.Barrier(len(asked))

    def ask(one: tuple[Caller, str]) -> tuple[int, bool, float]:
        caller, event = one
        query = {
            **WIDE,
            "series": [{"kind": "EventsNode", "event": None, "math": "dau", "custom_name": event}],
            "properties": [{"type": "event", "key": event, "operator": "is_not_set"}],
        }
        start.wait()
        began = time.monotonic()
        status, body, _ = caller.call("POST", f"/api/projects/{caller.project_id}/query/", {"query": query})
        return status, bool(json.loads(body).get("is_cached")), time.monotonic() - began

    with ThreadPoolExecutor(len(asked)) as pool:
        return list(pool.map(ask, asked))


def _told(answers: list[tuple[int, bool, float]]) -> str:
    times = sorted(seconds for _, _, seconds in answers)
    statuses = dict(Counter(status for status, _, _ in answers))
    return f"statuses {statuses}, median {times[len(times) // 2]:.2f} s, last {times[-1]:.2f} s"


def _computed(answers: list[tuple[int, bool, float]]) -> int:
    return sum(not is_cached for _, is_cached, _ in answers)


if __name__ == "__main__":
    main()
