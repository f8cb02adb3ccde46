"""Writes, one verb per function: the row, what hangs on it and its activity in one transaction."""
