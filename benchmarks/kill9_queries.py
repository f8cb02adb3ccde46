"""Kill -9 of each process while questions are asked: `python -m benchmarks.kill9_queries RUN_DIR --kills 24`.

Speaks to a running stack of this checkout (`./run start --detach`). Clients ask questions with known answers
in every refresh mode at every place; meanwhile worker, web, cache and event store are killed at seeded
moments and the supervisor restarts them. Requests may fail while a process is away. But no answer may be
wrong, and every run that was promised must end: with its answer, with an error, or by being gone.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.requests import Caller

CLIENTS = 6
QUESTIONS = 8
DAYS = 5
VICTIMS = ("worker", "web", "valkey", "clickhouse")
MODES = ("force_cache", "blocking", "async", "lazy_async", "force_blocking", "force_async")
PAUSE_SECONDS = (0.5, 3.0)  # from when everything is there again to the next kill
RESTART_SECONDS = 120  # within which the supervisor has everything running again
LONGEST_RUN_SECONDS = 180  # in which a promised run must have ended after the last kill


@dataclass
class Question:
    """One event name that occurs a known number of times each day, and its saved insight."""

    event: str
    counts: tuple[int, ...]
    insight: int = 0

    @property
    def node(self) -> dict[str, Any]:
        return {
            "kind": "TrendsQuery",
            "series": [{"kind": "EventsNode", "event": self.event}],
            "properties": [{"type": "event", "key": "kept", "value": "yes", "operator": "exact"}],
            "dateRange": {"date_from": "2024-05-01", "date_to": f"2024-05-0{DAYS}"},
        }


@dataclass
class Findings:
    """What the clients saw."""

    statuses: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    promised: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.kill9_queries", description=__doc__)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--kills", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    state = _state(arguments.run_dir)
    demo = state["demo"]
    caller = Caller(state["urls"]["web"], demo["project_id"], demo["personal_api_key"])
    questions = _prepared(caller, demo["project_token"], random.Random(arguments.seed))
    findings, stop = Findings(), threading.Event()
    clients = [
        threading.Thread(target=_ask, args=(caller, questions, findings, stop, arguments.seed + number))
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    kills = _kill(caller, arguments.run_dir, arguments.kills, random.Random(arguments.seed))
    time.sleep(5)
    stop.set()
    for client in clients:
        client.join()
    ends = _ends(caller, findings.promised)
    last = [_count(caller, question) == list(question.counts) for question in questions]
    print(
        json.dumps(
            {
                "kills": kills,
                "answers": findings.answers,
                "statuses": findings.statuses,
                "wrong": findings.wrong[:5],
                "promised": len(findings.promised),
                "ends": ends,
                "right_at_the_end": all(last),
            }
        )
    )
    raise SystemExit(1 if findings.wrong or ends["never"] or not all(last) else 0)


def _state(run_dir: Path) -> Any:
    return json.loads((run_dir / "state.json").read_text())


def _prepared(caller: Caller, token: str, rng: random.Random) -> list[Question]:
    run = uuid.uuid4().hex[:8]
    counts = [tuple(rng.randint(1, 9) for _ in range(DAYS)) for _ in range(QUESTIONS)]
    questions = [Question(f"kill {run} {number}", of_days) for number, of_days in enumerate(counts)]
    events = [
        {
            "event": question.event,
            "distinct_id": f"d{nth}",
            "uuid": str(uuid.uuid4()),
            "timestamp": f"2024-05-0{day}T10:00:00Z",
            "properties": {"kept": "yes" if nth < count else "no"},
        }
        for question in questions
        for day, count in enumerate(question.counts, start=1)
        for nth in range(count + 3)
    ]
    status, body, _ = caller.call("POST", "/batch/", {"api_key": token, "batch": events})
    assert status == 200, body
    for question in questions:
        made = caller.json("POST", "insights/", {"name": question.event, "query": question.node})
        question.insight = made["id"]
    return questions


def _ask(
    caller: Caller, questions: list[Question], findings: Findings, stop: threading.Event, seed: int
) -> None:
    rng = random.Random(seed)
    base = f"/api/projects/{caller.project_id}"
    while not stop.is_set():
        question, mode = rng.choice(questions), rng.choice(MODES)
        ways: Mapping[str, tuple[str, str, Any]] = {
            "query": ("POST", f"{base}/query/", {"query": question.node, "refresh": mode}),
            "insight": ("GET", f"{base}/insights/{question.insight}/?refresh={mode}", None),
            "list": (
                "GET",
                f"{base}/insights/?search={question.event.replace(' ', '%20')}&refresh={mode}",
                None,
            ),
        }
        place = rng.choice(list(ways))
        try:
            status, content, _ = caller.call(*ways[place])
            body = json.loads(content)
        except (OSError, http.client.HTTPException, ValueError):
            with findings.lock:
                findings.statuses["no answer"] += 1
            time.sleep(0.2)
            continue
        with findings.lock:
            findings.statuses[str(status)] += 1
            if status in (200, 202):
                _look_at(body["results"][0] if place == "list" else body, question, place, mode, findings)


def _look_at(body: Any, question: Question, place: str, mode: str, findings: Findings) -> None:
    result = body.get("result", body.get("results"))
    run = body.get("query_status") or {}
    if run and not run["complete"]:
        findings.promised.add(run["id"])
    findings.answers[f"{place} {mode}: {'nothing' if result is None else 'a result'}"] += 1
    if result is not None and result[0]["data"] != list(question.counts):
        findings.wrong.append(f"{place} {mode} {question.event}: {result[0]['data']} for {question.counts}")


def _kill(caller: Caller, run_dir: Path, kills: int, rng: random.Random) -> Counter[str]:
    done: Counter[str] = Counter()
    while sum(done.values()) < kills:
        _until_ready(caller)
        time.sleep(rng.uniform(*PAUSE_SECONDS))
        name = VICTIMS[sum(done.values()) % len(VICTIMS)]
        os.kill(_state(run_dir)["children"][name]["pid"], signal.SIGKILL)
        done[name] += 1
        time.sleep(0.5)
    _until_ready(caller)
    return done


def _until_ready(caller: Caller) -> None:
    until = time.monotonic() + RESTART_SECONDS
    while time.monotonic() < until:
        try:
            if caller.call("GET", "/_readyz")[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.2)
            continue
        time.sleep(0.2)
    raise TimeoutError("The stack did not come back.")


def _ends(caller: Caller, promised: set[str]) -> dict[str, int]:
    """How each promised run ended: `gone` is 404 (cancelled, expired, or lost with the cache)."""
    ends = Counter({"complete": 0, "failed": 0, "gone": 0, "never": 0})
    until = time.monotonic() + LONGEST_RUN_SECONDS
    for run in promised:
        ends[_end(caller, run, until)] += 1
    return dict(ends)


def _end(caller: Caller, run: str, until: float) -> str:
    while True:
        try:
            status, _, _ = caller.call("GET", f"/api/projects/{caller.project_id}/query/{run}/")
        except (OSError, http.client.HTTPException):
            status = 0
        if status in (200, 400, 404, 500):
            return {200: "complete", 404: "gone"}.get(status, "failed")
        if time.monotonic() > until:
            return "never"
        time.sleep(0.3)


def _count(caller: Caller, question: Question) -> Any:
    for _ in range(30):
        status, content, _ = caller.call(
            "POST",
            f"/api/projects/{caller.project_id}/query/",
            {"query": question.node, "refresh": "force_blocking"},
        )
        if status == 200:
            return json.loads(content)["results"][0]["data"]
        time.sleep(1)
    return None


if __name__ == "__main__":
    main()
