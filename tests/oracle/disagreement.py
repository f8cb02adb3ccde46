"""What a comparison with brute force ends with when the two differ."""

from __future__ import annotations


class Disagreement(AssertionError):
    """The service and brute force differ; the text holds the seed and everything needed to look."""
