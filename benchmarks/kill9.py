"""Kill -9 of each process while events pour in: `python -m benchmarks.kill9 RUN_DIR --seconds 60`.

Speaks to a running stack of this checkout (`./run start --detach`). Clients send batches with fixed uuids and
repeat each until it is acknowledged, as SDKs do; meanwhile every process of the stack is killed in turn and
the supervisor restarts it. At the end the store must hold every acknowledged uuid exactly once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import threading
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

BATCH = 50
CLIENTS = 4


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.kill9", description=__doc__)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    state = _state(arguments.run_dir)
    name = f"kill9 {uuid.uuid4().hex[:8]}"
    stop = threading.Event()
    acknowledged: list[str] = []
    repeated = [0]
    clients = [
        threading.Thread(target=_send, args=(state, name, stop, acknowledged, repeated))
        for _ in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    kills = _kill_in_turn(arguments.run_dir, arguments.seconds, random.Random(arguments.seed))
    time.sleep(8)
    stop.set()
    for client in clients:
        client.join()
    found = _count(state, name)
    print(
        json.dumps(
            {"kills": kills, "acknowledged": len(acknowledged), "repeated_batches": repeated[0]} | found
        )
    )
    raise SystemExit(0 if found["total"] == found["distinct"] == len(acknowledged) else 1)


def _state(run_dir: Path) -> dict[str, Any]:
    return json.loads((run_dir / "state.json").read_text())


def _send(
    state: dict[str, Any], name: str, stop: threading.Event, acknowledged: list[str], repeated: list[int]
) -> None:
    """Batches one after the other; one that fails is repeated with the same uuids until it is taken."""
    while not stop.is_set():
        ids = [str(uuid.uuid4()) for _ in range(BATCH)]
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        events = [
            {
                "event": name,
                "distinct_id": f"d{hash(i) % 500}",
                "uuid": i,
                "timestamp": at,
                "properties": {"id": i},
            }
            for i in ids
        ]
        body = json.dumps({"api_key": state["demo"]["project_token"], "batch": events}).encode()
        while not _taken(state["urls"]["web"], body):
            repeated[0] += 1
            time.sleep(0.2)
        acknowledged.extend(ids)


def _taken(url: str, body: bytes) -> bool:
    request = urllib.request.Request(f"{url}/batch/", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError, OSError):
        return False


def _kill_in_turn(run_dir: Path, seconds: int, rng: random.Random) -> dict[str, int]:
    kills: dict[str, int] = {}
    deadline = time.monotonic() + seconds
    names = ["clickhouse", "postgres", "valkey", "web", "worker"]
    while time.monotonic() < deadline:
        for name in names:
            time.sleep(rng.uniform(2, 4))
            child = _state(run_dir)["children"].get(name)
            if child is None:
                continue
            try:
                os.kill(child["pid"], signal.SIGKILL)
            except ProcessLookupError:
                continue
            kills[name] = kills.get(name, 0) + 1
    return kills


def _count(state: dict[str, Any], name: str) -> dict[str, int]:
    query = {
        "query": {
            "kind": "HogQLQuery",
            "query": f"SELECT count(), count(DISTINCT uuid) FROM events WHERE event = '{name}'",
        },
        "refresh": "force_blocking",
    }
    request = urllib.request.Request(
        f"{state['urls']['web']}/api/projects/{state['demo']['project_id']}/query/",
        json.dumps(query).encode(),
        {
            "Authorization": f"Bearer {state['demo']['personal_api_key']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        total, distinct = json.load(response)["results"][0]
    return {"total": total, "distinct": distinct}


if __name__ == "__main__":
    main()
