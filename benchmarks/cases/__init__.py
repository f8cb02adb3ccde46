"""What is measured: a question, and the two floors it is held against.

The scan floor reads exactly the columns the question needs under the same condition; the group floor also
groups them by actor. Both are as cheap as ClickHouse can be made to read those rows.
"""

from benchmarks.cases import correlation, funnels, paths, retention, trends
from benchmarks.cases.case import Case

CASES: tuple[Case, ...] = trends.CASES + funnels.CASES + correlation.CASES + paths.CASES + retention.CASES
