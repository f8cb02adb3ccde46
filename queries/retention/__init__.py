"""Retention: who of each cohort comes back, period by period (semantics H)."""
