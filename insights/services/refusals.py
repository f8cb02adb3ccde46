"""Refusals that several verbs share, in the words of the contract (api N)."""

from __future__ import annotations

from insights_service.errors import InvalidInput, NotFound


def unknown_reference(pk: object, attr: str) -> InvalidInput:
    """An id in a body that names nothing in this project."""
    return InvalidInput(f'Invalid pk "{pk}" - object does not exist.', code="does_not_exist", attr=attr)


def required(attr: str) -> InvalidInput:
    """A field that must be in the body and is not."""
    return InvalidInput("This field is required.", code="required", attr=attr)


def gone() -> NotFound:
    """Not there, not in this project, or deleted: nobody learns which (api M5)."""
    return NotFound("Not found.")
