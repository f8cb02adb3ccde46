"""Actors: who stands behind a number (semantics D62, E48-E50, F14, G22, H22, I9, I21)."""
