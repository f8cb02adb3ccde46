"""The one-command stack: real PostgreSQL, Valkey and ClickHouse's engine as child processes on 127.0.0.1.

Nothing in this package imports Django: the supervisor stays small and starts fast.
"""
