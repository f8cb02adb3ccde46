"""Runs that wait for a worker: one line per project, and the projects take turns.

The message queue in front only wakes workers up; what they do is decided here. So a project that starts a
thousand runs delays another one by a run per worker, not by a thousand.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from queries.cache.connection import PREFIX, Connection, text

TURNS = f"{PREFIX}:turns"  # projects with waiting runs, whose turn is first
LINE = f"{PREFIX}:line:"

# KEYS: turns, line of the project. ARGV: project, run.
_PUSH = """
if redis.call('RPUSH', KEYS[2], ARGV[2]) == 1 then redis.call('RPUSH', KEYS[1], ARGV[1]) end
"""
# KEYS: turns. ARGV: prefix of lines. A project goes to the end when more of its runs wait.
_POP = """
while true do
  local project = redis.call('LPOP', KEYS[1])
  if not project then return false end
  local run = redis.call('LPOP', ARGV[1] .. project)
  if redis.call('EXISTS', ARGV[1] .. project) == 1 then redis.call('RPUSH', KEYS[1], project) end
  if run then return {project, run} end
end
"""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One waiting run: its id, the token that tells it from others of the same id, and held time if any."""

    project_id: int
    run_id: str
    token: str
    now: str | None = None


class FairQueue:
    """Tickets of all projects. Every method may raise `CacheUnavailable`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def push(self, ticket: Ticket) -> None:
        """Let a run wait behind those of its project."""
        with self._connection.open() as redis:
            redis.eval(_PUSH, 2, TURNS, _line(ticket), str(ticket.project_id), _run(ticket))

    def holds(self, ticket: Ticket) -> bool:
        """Whether the run waits in its line."""
        with self._connection.open() as redis:
            return redis.lpos(_line(ticket), _run(ticket).decode()) is not None

    def pop(self) -> Ticket | None:
        """The run whose turn it is; None when nothing waits."""
        with self._connection.open() as redis:
            found = redis.eval(_POP, 1, TURNS, LINE)
        if not found:
            return None
        project_id, run = found
        return Ticket(int(text(project_id)), *orjson.loads(run))

    def length(self) -> int:
        """How many runs wait, of all projects. Two round trips."""
        with self._connection.open() as redis:
            pipeline = redis.pipeline(transaction=False)
            for project_id in redis.lrange(TURNS, 0, -1):
                pipeline.llen(f"{LINE}{text(project_id)}")
            return sum(pipeline.execute())

    def is_empty(self) -> bool:
        """Whether nothing waits."""
        with self._connection.open() as redis:
            return redis.llen(TURNS) == 0


def _line(ticket: Ticket) -> str:
    return f"{LINE}{ticket.project_id}"


def _run(ticket: Ticket) -> bytes:
    return orjson.dumps([ticket.run_id, ticket.token, ticket.now])
