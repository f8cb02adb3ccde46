"""The aggregates that users may call. Each can take a condition: `sumIf(x, condition)`.

Unique counts and percentiles are exact, whatever they are called, so that an answer never varies (D16).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from queries.hogql.functions import Gives, Want
from queries.hogql.values import Kind


@dataclass(frozen=True, slots=True)
class AggregateFunction:
    """`parameters`: how many numbers may stand in the first parentheses, least and most.

    `fixed` are parameters that we give ourselves. `element` is the kind of an array's elements.
    """

    store: str
    wants: tuple[Want, ...]
    gives: Kind | Gives
    parameters: tuple[int, int] = (0, 0)
    default_parameter: float | None = None
    fixed: str = ""
    repeats: bool = False
    least: int = 1
    element: Kind | None = None
    skips_null: bool = True
    whole_parameter: bool = False


_N = Kind.NUMBER
_NUMBER, _SAME, _ANY = (Want.NUMBER,), (Want.SAME,), (Want.ANY,)


def _percentile(level: float) -> AggregateFunction:
    return AggregateFunction("quantileExactInclusive", _NUMBER, _N, fixed=f"({level})")


_UNIQUE = AggregateFunction("uniqExact", _ANY, _N, repeats=True)
_QUANTILE = AggregateFunction("quantileExactInclusive", _NUMBER, _N, parameters=(0, 1), default_parameter=0.5)
_QUANTILES = AggregateFunction("quantilesExactInclusive", _NUMBER, Kind.ARRAY, parameters=(1, 20), element=_N)

AGGREGATES: Mapping[str, AggregateFunction] = {
    "count": AggregateFunction("count", _ANY, _N, least=0),
    "uniq": _UNIQUE,
    "uniqexact": _UNIQUE,
    "uniqhll12": _UNIQUE,
    "uniqcombined": _UNIQUE,
    "sum": AggregateFunction("sum", _NUMBER, _N),
    "avg": AggregateFunction("avg", _NUMBER, _N),
    "min": AggregateFunction("min", _SAME, Gives.SAME),
    "max": AggregateFunction("max", _SAME, Gives.SAME),
    "any": AggregateFunction("min", _SAME, Gives.SAME),  # the least one: always the same answer (J4)
    "anylast": AggregateFunction("max", _SAME, Gives.SAME),
    "argmin": AggregateFunction("argMin", (Want.SAME, Want.ANY), Gives.SAME, least=2),
    "argmax": AggregateFunction("argMax", (Want.SAME, Want.ANY), Gives.SAME, least=2),
    "median": _percentile(0.5),
    "quantile": _QUANTILE,
    "quantileexact": _QUANTILE,
    "quantiles": _QUANTILES,
    "stddevpop": AggregateFunction("stddevPop", _NUMBER, _N),
    "stddevsamp": AggregateFunction("stddevSamp", _NUMBER, _N),
    "varpop": AggregateFunction("varPop", _NUMBER, _N),
    "varsamp": AggregateFunction("varSamp", _NUMBER, _N),
    "covarpop": AggregateFunction("covarPop", (Want.NUMBER, Want.NUMBER), _N, least=2),
    "corr": AggregateFunction("corr", (Want.NUMBER, Want.NUMBER), _N, least=2),
    "grouparray": AggregateFunction(
        "groupArray", _SAME, Gives.ARRAY_OF_SAME, parameters=(0, 1), whole_parameter=True
    ),
    "groupuniqarray": AggregateFunction(
        "groupUniqArray", _SAME, Gives.ARRAY_OF_SAME, parameters=(0, 1), whole_parameter=True
    ),
    "topk": AggregateFunction("topK", _SAME, Gives.ARRAY_OF_SAME, parameters=(1, 1), whole_parameter=True),
}

# Functions that look at the rows around a row; they need OVER.
WINDOW_FUNCTIONS: Mapping[str, AggregateFunction] = {
    "row_number": AggregateFunction("row_number", (), _N, least=0),
    "rank": AggregateFunction("rank", (), _N, least=0),
    "dense_rank": AggregateFunction("dense_rank", (), _N, least=0),
    "lag": AggregateFunction("lagInFrame", _SAME, Gives.SAME, skips_null=False),
    "laginframe": AggregateFunction("lagInFrame", _SAME, Gives.SAME, skips_null=False),
    "lead": AggregateFunction("leadInFrame", _SAME, Gives.SAME, skips_null=False),
    "leadinframe": AggregateFunction("leadInFrame", _SAME, Gives.SAME, skips_null=False),
    "first_value": AggregateFunction("first_value", _SAME, Gives.SAME, skips_null=False),
    "last_value": AggregateFunction("last_value", _SAME, Gives.SAME, skips_null=False),
}


def find(name: str) -> tuple[AggregateFunction, bool] | None:
    """The aggregate of a lower-case name, and whether it takes a condition; None when it is no aggregate."""
    if name in AGGREGATES:
        return AGGREGATES[name], False
    if name == "countdistinct":
        return _UNIQUE, False
    if name.endswith("if") and name[:-2] in AGGREGATES:
        return AGGREGATES[name[:-2]], True
    return None
