"""Runs in the background as callers see them: started, picked up, ended - and they always end (api R10-R13).

A status is one Redis hash, changed only by scripts that compare the run's token, so that a late worker can
neither revive a cancelled run nor overwrite the run that came after it. Two clocks: instants that callers
see come from the request's clock, leases and deadlines from the machine's.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from queries.cache.connection import PREFIX, Connection, name, text

LIFE = timedelta(minutes=20)  # api R10: a status nobody changes is removed
_SECONDS = str(int(LIFE.total_seconds()))
QUEUE_GRACE_SECONDS = 60  # api R13
BEAT_SECONDS = 2.0
LOST_SECONDS = 15.0  # without a beat the worker is taken for dead, and the run is given to another
GONE_SECONDS = 45.0  # nobody took it over either
MAX_ATTEMPTS = 2
WAITING = f"{PREFIX}:unfinished"  # sorted set of "project:id" by start, for the sweep


@dataclass(frozen=True, slots=True)
class QueryStatus:
    """One run. `work` is what a worker needs; it and everything after it is never shown.

    `token` tells runs of the same id apart. `deadline` and `beat` are seconds of the machine's clock:
    when the run counts as failed, and when its worker was last heard of (0: not picked up).
    """

    id: str
    project_id: int
    cache_key: str
    start_time: datetime
    expiration_time: datetime
    insight_id: int | None = None
    dashboard_id: int | None = None
    complete: bool = False
    error: bool = False
    error_message: str | None = None
    error_code: str | None = None
    pickup_time: datetime | None = None
    end_time: datetime | None = None
    task_id: str | None = None
    work: Mapping[str, Any] = field(default_factory=dict)
    token: str = ""
    limit_seconds: float = 600
    deadline: float = 0.0
    beat: float = 0.0
    attempts: int = 0

    @property
    def is_success(self) -> bool:
        return self.complete and not self.error

    @property
    def is_picked_up(self) -> bool:
        return self.pickup_time is not None


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a caller wants to be run."""

    id: str
    project_id: int
    cache_key: str
    work: Mapping[str, Any]
    insight_id: int | None = None
    dashboard_id: int | None = None
    allowance: str = ""  # what the run may use: a failure says nothing to who may use something else


# A hash has the fields `json`, `token`, `done` (0, 1, or 2 for failed), `beat` and `allowance`.
# KEYS: status, pointer of the cache key, set of unfinished runs. ARGV: token, JSON, life in seconds, id,
# whether a failed run is reused (1), start, member of the set, prefix of statuses, allowance.
# Returns JSON and beat of the run that stands in the way, or false after the new one was written.
_START = """
local function blocking(key)
  local done = redis.call('HGET', key, 'done')
  local told = done == '2' and ARGV[5] == '1' and (redis.call('HGET', key, 'allowance') or '') == ARGV[9]
  if done == '0' or told then return redis.call('HMGET', key, 'json', 'beat') end
  return false
end
local other = redis.call('GET', KEYS[2])
local found = blocking(KEYS[1]) or (other and blocking(ARGV[8] .. other))
if found then return found end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'json', ARGV[2], 'token', ARGV[1], 'done', '0', 'beat', '0', 'allowance', ARGV[9])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('SET', KEYS[2], ARGV[4], 'EX', ARGV[3])
redis.call('ZADD', KEYS[3], ARGV[6], ARGV[7])
return false
"""
# KEYS: status, pointer, unfinished. ARGV: token, JSON, life, done, member of the set, id, beat.
# Returns 1, or 0 when the run was cancelled, replaced or ended in the meantime.
_CHANGE = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
if redis.call('HGET', KEYS[1], 'done') ~= '0' then return 0 end
redis.call('HSET', KEYS[1], 'json', ARGV[2], 'done', ARGV[4], 'beat', ARGV[7])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])
if ARGV[4] ~= '0' then redis.call('ZREM', KEYS[3], ARGV[5]) end
if ARGV[4] == '1' and redis.call('GET', KEYS[2]) == ARGV[6] then redis.call('DEL', KEYS[2]) end
return 1
"""
# KEYS: status, pointer. ARGV: token, beat, life.
_BEAT = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'beat', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])
return 1
"""
# KEYS: status, pointer, unfinished. ARGV: token, member, id.
_DELETE = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
if redis.call('GET', KEYS[2]) == ARGV[3] then redis.call('DEL', KEYS[2]) end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[3], ARGV[2])
return 1
"""


class StatusBoard:
    """Statuses by project and id. Every method may raise `CacheUnavailable`."""

    def __init__(self, connection: Connection, machine_time: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._time = machine_time

    # --- reading -----------------------------------------------------------------------------------------

    def get(self, project_id: int, run_id: str, *, now: datetime) -> QueryStatus | None:
        """The status, or None when it is unknown, expired or cancelled. A run that was lost has failed."""
        with self._connection.open() as redis:
            found = redis.hmget(_status(project_id, run_id), ["json", "beat"])
        return self._seen(_read(found), now)

    def running(self, project_id: int, keys: Sequence[str], *, now: datetime) -> list[QueryStatus | None]:
        """For each cache key the unfinished run of that question, or None (api R4). Two round trips."""
        if not keys:
            return []
        with self._connection.open() as redis:
            pointers = redis.mget([name("running", project_id, key) for key in keys])
            ids = [None if pointer is None else text(pointer) for pointer in pointers]
            if not any(ids):
                return [None] * len(keys)
            pipeline = redis.pipeline(transaction=False)
            for run_id in ids:
                pipeline.hmget(_status(project_id, run_id or "-"), ["json", "beat"])
            found = [self._seen(_read(each), now) for each in pipeline.execute()]
        return [
            status if status and status.cache_key == key and not status.complete else None
            for status, key in zip(found, keys, strict=True)
        ]

    # --- changing ----------------------------------------------------------------------------------------

    def start(
        self, new: NewRun, *, now: datetime, limit_seconds: float, reuse_failed: bool = False
    ) -> tuple[QueryStatus, bool]:
        """The new run and True; or the run that is under way for this id or key, and False (api R11).

        With `reuse_failed` a failed run that has not expired is returned as well.
        """
        status = QueryStatus(
            id=new.id,
            project_id=new.project_id,
            cache_key=new.cache_key,
            start_time=now,
            expiration_time=now + LIFE,
            insight_id=new.insight_id,
            dashboard_id=new.dashboard_id,
            work=new.work,
            token=uuid.uuid4().hex,
            limit_seconds=limit_seconds,
            deadline=self._time() + limit_seconds + QUEUE_GRACE_SECONDS,
        )
        while (standing := self._try_start(status, reuse_failed, new.allowance)) is not None:
            seen = self._seen(standing, now)
            if seen is not None and (not seen.complete or reuse_failed):
                return seen, False
            self.delete(standing)  # lost or expired: it stands in nobody's way
        return status, True

    def pick_up(
        self, project_id: int, run_id: str, token: str, *, now: datetime, task_id: str | None
    ) -> QueryStatus | None:
        """The run, marked as taken by a worker; None when there is nothing to do any more.

        A run that a living worker has already is not given to a second one, nor to a third at all.
        """
        status = self.get(project_id, run_id, now=now)
        if status is None or status.complete or status.token != token:
            return None
        is_alive = status.beat and self._time() - status.beat < LOST_SECONDS
        if is_alive or status.attempts >= MAX_ATTEMPTS:
            return None
        taken = replace(
            status,
            pickup_time=now,
            expiration_time=now + LIFE,
            task_id=task_id,
            attempts=status.attempts + 1,
            deadline=self._time() + status.limit_seconds + QUEUE_GRACE_SECONDS,
            beat=self._time(),
        )
        return taken if self._change(taken) else None

    def beat(self, status: QueryStatus) -> bool:
        """Say that the worker is alive. False: the run was cancelled or replaced."""
        status_key, pointer, _ = _keys(status)
        with self._connection.open() as redis:
            return bool(redis.eval(_BEAT, 2, status_key, pointer, status.token, str(self._time()), _SECONDS))

    def succeed(self, status: QueryStatus, *, now: datetime) -> bool:
        """Ended, and the answer is in the store. False: it was cancelled in the meantime."""
        return self._change(replace(status, complete=True, end_time=now, expiration_time=now + LIFE))

    def fail(
        self, status: QueryStatus, *, now: datetime, message: str | None, code: str | None = None
    ) -> bool:
        """Ended without an answer; `message` is None when it is our own fault (api R13)."""
        failed = replace(status, complete=True, error=True, error_message=message, error_code=code)
        return self._change(replace(failed, end_time=now, expiration_time=now + LIFE))

    def delete(self, status: QueryStatus) -> bool:
        """Cancelled: nobody finds it any more (api R13)."""
        with self._connection.open() as redis:
            return bool(redis.eval(_DELETE, 3, *_keys(status), status.token, _member(status), status.id))

    def unfinished(self, project_id: int, *, now: datetime) -> list[QueryStatus]:
        """The runs of a project that wait or run, the oldest first. Two round trips."""
        with self._connection.open() as redis:
            members = [text(member) for member in redis.zrange(WAITING, 0, -1)]
            ids = [
                run_id
                for owner, _, run_id in (each.partition(":") for each in members)
                if owner == str(project_id)
            ]
            pipeline = redis.pipeline(transaction=False)
            for run_id in ids:
                pipeline.hmget(_status(project_id, run_id), ["json", "beat"])
            seen = [self._seen(_read(found), now) for found in pipeline.execute()]
        return [status for status in seen if status is not None and not status.complete]

    # --- the sweep ---------------------------------------------------------------------------------------

    def lost(self, *, now: datetime) -> list[QueryStatus]:
        """Unfinished runs whose worker has not been heard of, or that nobody picked up in time."""
        return [status for status in self._unfinished() if self._is_lost(status)]

    def unclaimed(self) -> list[QueryStatus]:
        """Runs that nobody has picked up for a while: it is not their turn, or their ticket is lost."""
        return [
            status
            for status in self._unfinished()
            if not status.is_picked_up and self._waited_seconds(status) > LOST_SECONDS
        ]

    def requeue(self, status: QueryStatus, *, now: datetime) -> bool:
        """Let a lost run wait for another worker; False when it had its chances, or is no more."""
        if not status.is_picked_up or status.attempts >= MAX_ATTEMPTS:
            return False
        deadline = self._time() + status.limit_seconds + QUEUE_GRACE_SECONDS
        waiting = replace(status, pickup_time=None, beat=0.0, deadline=deadline, expiration_time=now + LIFE)
        return self._change(waiting)

    # --- inside ------------------------------------------------------------------------------------------

    def _try_start(self, status: QueryStatus, reuse_failed: bool, allowance: str) -> QueryStatus | None:
        with self._connection.open() as redis:
            standing = redis.eval(
                _START,
                3,
                *_keys(status),
                status.token,
                _written(status),
                _SECONDS,
                status.id,
                "1" if reuse_failed else "0",
                str(self._time()),
                _member(status),
                _status(status.project_id, ""),
                allowance,
            )
        return _read(standing or [None, None])

    def _change(self, status: QueryStatus) -> bool:
        done = "0" if not status.complete else "2" if status.error else "1"
        with self._connection.open() as redis:
            changed = redis.eval(
                _CHANGE,
                3,
                *_keys(status),
                status.token,
                _written(status),
                _SECONDS,
                done,
                _member(status),
                status.id,
                str(status.beat),
            )
        return bool(changed)

    def _seen(self, status: QueryStatus | None, now: datetime) -> QueryStatus | None:
        """The status as it has to be taken now: expired ones are not there, lost ones have failed."""
        if status is None:
            return None
        is_alive = bool(status.beat) and not status.complete and not self._is_gone(status)
        if now > status.expiration_time and not is_alive:
            return None
        if status.complete or not self._is_gone(status):
            return status
        return replace(status, complete=True, error=True, end_time=now)

    def _unfinished(self) -> list[QueryStatus]:
        """Runs of all projects; those that have ended or expired are struck off."""
        with self._connection.open() as redis:
            members = [text(member) for member in redis.zrange(WAITING, 0, -1)]
            found = []
            for member in members:
                project_id, _, run_id = member.partition(":")
                raw = redis.hmget(_status(int(project_id), run_id), ["json", "beat"])
                status = _read(raw)
                if status is None or status.complete:
                    redis.zrem(WAITING, member)
                else:
                    found.append(status)
        return found

    def _waited_seconds(self, status: QueryStatus) -> float:
        return self._time() - (status.deadline - status.limit_seconds - QUEUE_GRACE_SECONDS)

    def _is_lost(self, status: QueryStatus) -> bool:
        silent = status.beat and self._time() - status.beat > LOST_SECONDS
        return bool(silent) or self._time() > status.deadline

    def _is_gone(self, status: QueryStatus) -> bool:
        """Lost, and no sweep did anything about it: the run has failed without anybody writing it down."""
        silent = status.beat and self._time() - status.beat > GONE_SECONDS
        return bool(silent) or self._time() > status.deadline + GONE_SECONDS


def _status(project_id: int, run_id: str) -> str:
    return name("status", project_id, run_id)


def _keys(status: QueryStatus) -> tuple[str, str, str]:
    pointer = name("running", status.project_id, status.cache_key)
    return _status(status.project_id, status.id), pointer, WAITING


def _member(status: QueryStatus) -> str:
    return f"{status.project_id}:{status.id}"


def _written(status: QueryStatus) -> bytes:
    return orjson.dumps(asdict(status), option=orjson.OPT_UTC_Z)


_INSTANTS = ("start_time", "expiration_time", "pickup_time", "end_time")


def _read(found: Sequence[Any]) -> QueryStatus | None:
    """The status of the fields `json` and `beat`."""
    raw, beat = found
    if not raw:
        return None
    fields = orjson.loads(raw)
    for each in _INSTANTS:
        fields[each] = fields[each] and datetime.fromisoformat(fields[each])
    status = QueryStatus(**fields)
    return status if beat is None else replace(status, beat=float(text(beat)))
