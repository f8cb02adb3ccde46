"""The border to the old spelling of questions: parameters and `filters` (api sections S and T).

Inside there is one name for each thing; the old names stop here.
"""

from queries.legacy.entities import completed_entity
from queries.legacy.params import PARAMETERS
from queries.legacy.read import LegacyQuery, filters_to_node, filters_to_query, parse_legacy, read_legacy
from queries.legacy.to_filters import filter_echo, to_legacy

__all__ = [
    "PARAMETERS",
    "LegacyQuery",
    "completed_entity",
    "filter_echo",
    "filters_to_node",
    "filters_to_query",
    "parse_legacy",
    "read_legacy",
    "to_legacy",
]
