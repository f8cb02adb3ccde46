"""Funnel correlation: what converters did more often than the others (semantics F)."""
