"""Funnels."""

from __future__ import annotations

from benchmarks.cases.case import Case

CASES: tuple[Case, ...] = ()
