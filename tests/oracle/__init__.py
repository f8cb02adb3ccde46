"""Brute force: small random worlds, plain loops over their events, and the service's answer beside it.

Nothing here shares code with the compilers. Run more cases than the suite does with
`./run oracle trends --cases 10000 --seed 1`.
"""
