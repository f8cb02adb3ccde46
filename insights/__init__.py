"""Saved things and the API over them: insights, dashboards, sharing, activity, actions, cohorts.

No ClickHouse SQL here: what a question means is the business of `queries`.
"""
