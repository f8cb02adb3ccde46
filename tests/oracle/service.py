"""A world as a project of the service."""

from __future__ import annotations

import random

from tests.api_client import Api, make_project
from tests.oracle.world import World


def project_with(world: World, seed: int) -> Api:
    """A new project holding the world, its events sent in no particular order."""
    api = make_project(timezone=world.zone, week_start_day=world.week_start)
    api.now = world.now
    rng = random.Random(seed)
    events = [event.payload() for event in world.events if event.name != "$identify"]
    rng.shuffle(events)
    links = list(world.identifies)
    rng.shuffle(links)
    # Some persons are merged before their events arrive, some after (semantics B2).
    cut = rng.randint(0, len(links))
    for batch in (links[:cut], events, links[cut:]):
        if batch:
            api.capture(batch)
    return api
