"""Rows into the event store, column by column, and the look-up that keeps an event from being stored twice.

The writer sends values in the store's own forms (see migrations 0001 and 0002); nothing here knows where
they come from. Instants are integers of microseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

EMPTY = "\0"  # the stored form of the empty string


def stored_texts(properties: Mapping[str, Any]) -> dict[str, str]:
    """Properties as `props` holds them: each key's comparison text (semantics C3).

    A string as it is, a number or boolean as JSON, a list or object as compact JSON; null is absent and the
    empty string is NUL, so that '' means "not set" to every reader.
    """
    texts = {}
    for key, value in properties.items():
        if type(value) is str:
            texts[key] = value or EMPTY
        elif value is not None:
            texts[key] = orjson.dumps(value).decode()
    return texts
