"""A refresh that costs what is new: cells of closed buckets are kept, those something has touched are asked.

proof.py      which questions, and what their cells lean on: read off the statement itself
record.py     the cells of the last time, with what they were computed from
watermark.py  what has happened since: events per hour, and persons that moved or changed
kinds.py      which kinds of questions, and by which plan
known.py      what is kept of a question, and which of it still holds
refresh.py    the plan of a trend: look, ask for the missing buckets, put together
lifecycle.py  the plan of a lifecycle: look, ask from the first changed bucket on
"""
