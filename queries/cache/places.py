"""How many queries the event store works on at once, and whose turn it is (fair between projects).

A place is held in Redis for the time of one computation, as a lease. Whoever finds none waits in line. A
free place goes to a project that holds the fewest places at that moment, within a project to who came
first: so a dashboard of fifty tiles delays another project by one query at most.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from queries.cache.connection import PREFIX, CacheUnavailable, Connection
from queries.cache.single_flight import beating
from queries.errors import AtCapacity

LEASE_SECONDS = 8.0
SEEN_SECONDS = 2.0  # who waits and does not ask for this long has gone
BEAT_SECONDS = 2.0
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.01, 0.1

# Members are "project:token". KEYS: taken (score: end of the lease), line (score: since when),
# seen (score: until when). ARGV: member, places, places of one project (0: no limit), lease and seen in ms.
# Returns 1 when a place was taken. Times are the server's.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local me, places, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now)) do
  redis.call('ZREM', KEYS[2], gone)
  redis.call('ZREM', KEYS[3], gone)
end
redis.call('ZADD', KEYS[2], 'NX', now, me)
redis.call('ZADD', KEYS[3], now + ARGV[5], me)
local function project(member) return string.match(member, '^%d+') end
local held, free = {}, places
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  held[project(member)] = (held[project(member)] or 0) + 1
  free = free - 1
end
local line = redis.call('ZRANGE', KEYS[2], 0, -1)
while free > 0 do
  local best, fewest = nil, nil
  for position, member in ipairs(line) do
    local count = member and (held[project(member)] or 0)
    if count and (most == 0 or count < most) and (not best or count < fewest) then
      best, fewest = position, count
    end
  end
  if not best then return 0 end
  if line[best] == me then
    redis.call('ZADD', KEYS[1], now + ARGV[4], me)
    redis.call('ZREM', KEYS[2], me)
    redis.call('ZREM', KEYS[3], me)
    return 1
  end
  held[project(line[best])] = fewest + 1
  line[best] = false
  free = free - 1
end
return 0
"""
# KEYS: taken. ARGV: member, lease in ms.
_RENEW = """
local clock = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'XX', clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[2], ARGV[1])
"""
_KEYS = (f"{PREFIX}:places:taken", f"{PREFIX}:places:line", f"{PREFIX}:places:seen")


@dataclass(frozen=True, slots=True)
class Room:
    """How many places there are, for all and for one project; 0 is no limit."""

    places: int
    per_project: int = 0


class Places:
    """The places of the event store, shared by all processes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def held(
        self,
        project_id: int,
        room: Room,
        *,
        patience_seconds: float,
        check: Callable[[], None] = lambda: None,
    ) -> Iterator[None]:
        """Hold a place during the block, after waiting for it. AtCapacity when there was none in time.

        `check` is called while waiting and raises to give up. Without Redis, or without a limit, there is
        always a place.
        """
        if room.places == 0:
            yield
            return
        member = f"{project_id}:{uuid.uuid4().hex}"
        try:
            self._wait(member, room, patience_seconds, check)
            with beating(lambda: self._renew(member), BEAT_SECONDS):
                yield
        finally:
            self._leave(member)

    def _wait(self, member: str, room: Room, patience_seconds: float, check: Callable[[], None]) -> None:
        deadline, pause = time.monotonic() + patience_seconds, FIRST_WAIT_SECONDS
        while not self._take(member, room):
            check()
            if time.monotonic() > deadline:
                raise AtCapacity(
                    f"{room.places} queries are running already and none ended within"
                    f" {patience_seconds:g} seconds. Try again shortly."
                )
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_WAIT_SECONDS)

    def _take(self, member: str, room: Room) -> bool:
        lease, seen = (str(int(seconds * 1000)) for seconds in (LEASE_SECONDS, SEEN_SECONDS))
        try:
            with self._connection.open() as redis:
                numbers = [str(room.places), str(room.per_project), lease, seen]
                return bool(redis.eval(_TAKE, 3, *_KEYS, member, *numbers))
        except CacheUnavailable:
            return True

    def _renew(self, member: str) -> None:
        with self._connection.open() as redis:
            redis.eval(_RENEW, 1, _KEYS[0], member, str(int(LEASE_SECONDS * 1000)))

    def _leave(self, member: str) -> None:
        with suppress(CacheUnavailable), self._connection.open() as redis:
            pipeline = redis.pipeline()
            for key in _KEYS:
                pipeline.zrem(key, member)
            pipeline.execute()
