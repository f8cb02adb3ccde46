"""A refresh that costs what is new: cells of closed buckets are kept, those something has touched are asked.

proof.py      which questions, and what their cells lean on: read off the statement itself
record.py     the cells of the last time, with what they were computed from
watermark.py  what has happened since: events per hour, and persons that moved or changed
refresh.py    the plan: look, ask for the missing buckets, put together
"""
