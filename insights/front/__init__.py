"""The pages for a person with a browser: look at insights and dashboards, ask, share, make keys.

A thin skin: every page calls what the API calls (selectors, services, `insights.api.answers`) and shows
what comes back. Reading works without scripts; the script only fills in what takes time, and copies.
"""
