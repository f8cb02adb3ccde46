"""Requests made from our own description of the API: whatever is sent, the answer is one it describes."""
