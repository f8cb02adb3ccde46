"""Stickiness: on how many buckets of the range each actor was active (semantics I.1)."""
