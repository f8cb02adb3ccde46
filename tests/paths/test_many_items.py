"""Items are numbers while there are not too many of them, texts beyond; the answer is the same."""

from __future__ import annotations

import pytest

from queries.paths import items
from tests.oracle.paths_check import check


@pytest.mark.parametrize("most", [1, 3])
def test_many_items(service: None, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(items, "MOST_NUMBERS", most)
    assert check(9_100 + most, 30) > 15
