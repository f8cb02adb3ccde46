"""Saved things moved between servers: out of PostHog or another server of this kind, and back out."""
