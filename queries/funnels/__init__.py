"""Funnels: how far each actor gets through a sequence of steps (semantics E)."""
