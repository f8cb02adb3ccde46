"""What was computed before, and who is computing what: keys, refresh table, stored answers, run statuses.

Everything lives in one Redis, which is passed in; so is every instant that ends up in an answer.
"""
