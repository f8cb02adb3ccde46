"""Who did it: distinct ids, the persons behind them, groups, and what names were seen (semantics B1-B10).

PostgreSQL holds the truth. ClickHouse has a copy that queries read; `sync` keeps it from ever lagging
behind the truth for a query.
"""
