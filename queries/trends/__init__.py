"""Trends: one number per bucket for every series (semantics D)."""
