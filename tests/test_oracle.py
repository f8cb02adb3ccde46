"""A few hundred cases of brute force; `python -m tests.oracle trends --cases 10000` runs as many as you like."""

from __future__ import annotations

import pytest

from tests.oracle.check import CHECKS

WORLDS = 12
QUESTIONS = 20
# Kinds that stand on another one of the list, or are small.
FEWER = {"correlation": 4, "incremental": 5, "stickiness": 8, "lifecycle": 8}


@pytest.mark.parametrize("seed", range(7_000, 7_000 + WORLDS))
@pytest.mark.parametrize("kind", CHECKS)
def test_brute_force_agrees(service: None, kind: str, seed: int) -> None:
    assert CHECKS[kind](seed, FEWER.get(kind, QUESTIONS)) > 0
