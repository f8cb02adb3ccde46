"""The query layer: typed questions about events, compiled to SQL, executed and shaped.

Plain Python. Nothing in here may import Django, the service or the app: what a query may know about
its project comes in as a value.
"""
