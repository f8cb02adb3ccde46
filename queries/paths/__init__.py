"""Paths: which item follows which within a session (semantics G)."""
