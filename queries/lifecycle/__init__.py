"""Lifecycle: new, returning, resurrecting and dormant actors per bucket (semantics I.2)."""
