"""The functions that users may call: what each takes, gives and is called in the store.

A name that is not listed here (or in `aggregates`, or in `forms`) does not exist. Names are matched
whatever their case. Functions that read files, hosts, other tables, settings or the server's state, that
sleep, or that make output of unbounded size are not listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from queries.hogql.values import Kind


class Want(StrEnum):
    """How an argument is read."""

    TEXT = "text"
    NUMBER = "number"
    WHOLE = "whole number"  # cut to one; NULL counts as 0
    BOOLEAN = "boolean"
    INSTANT = "instant"
    MOMENT = "moment"  # a date or an instant
    ANY = "any"
    SAME = "same"  # all arguments of this sort are brought to one kind
    ARRAY = "array"
    WRITTEN_TEXT = "written text"  # a text written out, not computed
    WRITTEN_NUMBER = "written number"
    PATTERN = "pattern"  # a regular expression written out


class Gives(StrEnum):
    """The kind of the result, where it depends on the arguments."""

    SAME = "same"  # the kind of the SAME arguments
    ELEMENT = "element"  # of the first array
    ARRAY = "array"  # the first array's kind
    ARRAY_OF_SAME = "array of same"


class Null(StrEnum):
    """When the result may be NULL."""

    AS_ARGUMENTS = "arguments"
    NEVER = "never"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Function:
    """`template` has a hole `{a0}`, `{a1}`... for each argument, or `{all}`; None: a plain call of `store`.

    `least` arguments are needed; `wants` lists the others too, and the last one repeats if `repeats`.
    `element` is the kind of an array's elements. `{zone}` is the project's zone.
    """

    store: str
    wants: tuple[Want, ...]
    gives: Kind | Gives
    least: int
    template: str | None = None
    repeats: bool = False
    nulls: Null = Null.AS_ARGUMENTS
    element: Kind | None = None


_WANTS = {
    "t": Want.TEXT, "n": Want.NUMBER, "w": Want.WHOLE, "b": Want.BOOLEAN, "i": Want.INSTANT, "m": Want.MOMENT,
    "x": Want.ANY, "s": Want.SAME, "a": Want.ARRAY, "T": Want.WRITTEN_TEXT, "N": Want.WRITTEN_NUMBER,
    "P": Want.PATTERN,
}  # fmt: skip


def _function(
    signature: str,
    gives: Kind | Gives,
    template: str | None = None,
    *,
    nulls: Null = Null.AS_ARGUMENTS,
    element: Kind | None = None,
) -> tuple[str, Function]:
    """`substringUTF8 tw|w`: two arguments, a third if wanted; a `*` at the end repeats the last."""
    store, _, letters = signature.partition(" ")
    needed, _, optional = letters.removesuffix("*").partition("|")
    wants = tuple(_WANTS[letter] for letter in needed + optional)
    function = Function(store, wants, gives, len(needed), template, letters.endswith("*"), nulls, element)
    return store, function


_T, _N, _B, _I, _D = Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN, Kind.INSTANT, Kind.DATE
_NEVER, _ALWAYS = Null.NEVER, Null.ALWAYS

_EXTRACT_ALL = "extractAll(ifNull({a0}, ''), {a1})"

_NUMBERS = [
    _function(signature, _N)
    for signature in (
        "plus nn", "minus nn", "multiply nn", "negate n", "abs n", "floor n|N", "ceil n|N", "round n|N",
        "trunc n|N",
        "sqrt n", "cbrt n", "exp n", "log n", "log2 n", "log10 n", "pow nn", "sign n", "sin n", "cos n",
        "tan n",
        "asin n", "acos n", "atan n", "pi", "e",
    )
] + [
    # Divided by nothing is NULL rather than an infinity, which JSON cannot say (J6).
    _function("divide nn", _N, "({a0} / nullIf({a1}, 0))", nulls=_ALWAYS),
    _function("modulo nn", _N, "modulo({a0}, nullIf({a1}, 0))", nulls=_ALWAYS),
    _function("intDiv nn", _N, "trunc({a0} / nullIf({a1}, 0))", nulls=_ALWAYS),
    _function("greatest s*", Gives.SAME),
    _function("least s*", Gives.SAME),
    _function("isFinite n", _B, "ifNull(isFinite({a0}), 0)", nulls=_NEVER),
]  # fmt: skip

_TEXTS = [
    _function("lowerUTF8 t", _T),
    _function("upperUTF8 t", _T),
    _function("substringUTF8 tw|w", _T),
    _function("leftUTF8 tw", _T),
    _function("rightUTF8 tw", _T),
    _function("trimBoth t", _T),
    _function("trimLeft t", _T),
    _function("trimRight t", _T),
    _function("reverseUTF8 t", _T),
    _function("replaceOne ttt", _T),
    _function("replaceAll ttt", _T),
    _function("replaceRegexpOne tPt", _T),
    _function("replaceRegexpAll tPt", _T),
    _function("extract tP", _T),
    _function("extractAll tP", Kind.ARRAY, element=_T, nulls=_NEVER, template=_EXTRACT_ALL),
    _function("repeat tN", _T, "repeat({a0}, least(1000, {a1}))"),
    _function("leftPadUTF8 tNT", _T, "leftPadUTF8({a0}, least(1000, {a1}), {a2})"),
    _function("rightPadUTF8 tNT", _T, "rightPadUTF8({a0}, least(1000, {a1}), {a2})"),
    _function("positionUTF8 tt", _N),
    _function("positionCaseInsensitiveUTF8 tt", _N),
    _function("startsWith tt", _B, "ifNull(startsWith({a0}, {a1}), 0)", nulls=_NEVER),
    _function("endsWith tt", _B, "ifNull(endsWith({a0}, {a1}), 0)", nulls=_NEVER),
    _function("splitByString Tt", Kind.ARRAY, "splitByString({a0}, ifNull({a1}, ''))", element=_T,
    nulls=_NEVER),
    _function("splitByRegexp Pt", Kind.ARRAY, "splitByRegexp({a0}, ifNull({a1}, ''))", element=_T,
    nulls=_NEVER),
    _function("cityHash64 t", _N),
    _function("MD5 t", _T, "lower(hex(MD5({a0})))"),
    _function("SHA256 t", _T, "lower(hex(SHA256({a0})))"),
    _function("levenshteinDistance tt", _N),
    *(
        _function(f"{name} t", _T)
        for name in (
            "domain", "domainWithoutWWW", "topLevelDomain", "cutToFirstSignificantSubdomain", "protocol",
            "path",
            "pathFull", "queryString", "fragment", "cutQueryString", "cutFragment",
            "cutQueryStringAndFragment",
            "decodeURLComponent", "encodeURLComponent", "base64Encode",
        )
    ),
    _function("tryBase64Decode t", _T),
    _function("extractURLParameter tT", _T),
    _function("cutURLParameter tT", _T),
]  # fmt: skip

_JSON = [
    _function("JSONExtractString t|x*", _T, "JSONExtractString({json})", nulls=_NEVER),
    _function("JSONExtractRaw t|x*", _T, "JSONExtractRaw({json})", nulls=_NEVER),
    _function("JSONExtractInt t|x*", _N, "JSONExtractInt({json})", nulls=_NEVER),
    _function("JSONExtractUInt t|x*", _N, "JSONExtractUInt({json})", nulls=_NEVER),
    _function("JSONExtractFloat t|x*", _N, "JSONExtractFloat({json})", nulls=_NEVER),
    _function("JSONExtractBool t|x*", _B, "JSONExtractBool({json})", nulls=_NEVER),
    _function("JSONExtractArrayRaw t|x*", Kind.ARRAY, "JSONExtractArrayRaw({json})", nulls=_NEVER,
    element=_T),
    _function("JSONExtractKeys t|x*", Kind.ARRAY, "JSONExtractKeys({json})", nulls=_NEVER, element=_T),
    _function("JSONHas t|x*", _B, "JSONHas({json})", nulls=_NEVER),
    _function("JSONLength t|x*", _N, "JSONLength({json})", nulls=_NEVER),
    _function("JSONType t|x*", _T, "toString(JSONType({json}))", nulls=_NEVER),
    _function("isValidJSON t", _B, "ifNull(isValidJSON({a0}), 0)", nulls=_NEVER),
]  # fmt: skip

_DATES = [
    *(
        _function(f"{name} m", _N)
        for name in (
            "toYear", "toQuarter", "toMonth", "toDayOfMonth", "toDayOfWeek", "toDayOfYear", "toISOWeek",
            "toISOYear",
            "toYYYYMM", "toYYYYMMDD", "toUnixTimestamp",
        )
    ),
    *(_function(f"{name} i", _N) for name in ("toHour", "toMinute", "toSecond", "toMillisecond",
        "toYYYYMMDDhhmmss")),
    *(  # all instants have the same precision, so that they can stand beside each other
        _function(f"{name} i", _I, f"toDateTime64({name}({{a0}}), 6, {{zone}})")
        for name in (
            "toStartOfSecond", "toStartOfMinute", "toStartOfFiveMinutes", "toStartOfTenMinutes",
            "toStartOfFifteenMinutes", "toStartOfHour", "toStartOfDay",
        )
    ),
    *(
        _function(f"{name} m", _D)
        for name in ("toStartOfMonth", "toStartOfQuarter", "toStartOfYear", "toMonday")
    ),
    _function("toStartOfISOYear m", _D),
    _function("toLastDayOfMonth m", _D),
    _function("toDate m", _D),
    _function("formatDateTime mT", _T),
    *(
        _function(f"{verb}{unit}s mw", Gives.SAME, f"({{a0}} {sign} toInterval{unit}({{a1}}))")
        for verb, sign in (("add", "+"), ("subtract", "-"))
        for unit in ("Second", "Minute", "Hour", "Day", "Week", "Month", "Quarter", "Year")
    ),
]  # fmt: skip

_CHOICES = [
    _function("coalesce s*", Gives.SAME, nulls=Null.AS_ARGUMENTS),
    _function("ifNull ss", Gives.SAME),
    _function("nullIf ss", Gives.SAME, nulls=_ALWAYS),
    _function("xor bb", _B),
]

_ARRAYS = [
    _function("array |s*", Gives.ARRAY_OF_SAME, "[{all}]", nulls=_NEVER),
    _function("has as", _B),
    _function("arrayConcat a*", Gives.ARRAY),
    _function("arrayDistinct a", Gives.ARRAY),
    _function("arrayReverse a", Gives.ARRAY),
    _function("arrayCompact a", Gives.ARRAY),
    _function("arraySlice aw|w", Gives.ARRAY),
    _function("arrayPopFront a", Gives.ARRAY),
    _function("arrayPopBack a", Gives.ARRAY),
    _function("arrayElement aw", Gives.ELEMENT),
    _function("arrayUniq a", _N),
    _function("indexOf as", _N),
    _function("countEqual as", _N),
    _function("hasAny aa", _B),
    _function("hasAll aa", _B),
    _function("arrayStringConcat a|T", _T),
    _function("arrayEnumerate a", Kind.ARRAY, element=_N),
    _function(
        "range n", Kind.ARRAY, "range(toUInt32(greatest(0, least(10000, ifNull({a0}, 0)))))", element=_N
    ),
]

FUNCTIONS: Mapping[str, Function] = {
    name.lower(): function
    for group in (_NUMBERS, _TEXTS, _JSON, _DATES, _CHOICES, _ARRAYS)
    for name, function in group
}

# Spelling -> the name under which it is listed here, in `aggregates` or in `forms`.
ALIASES: Mapping[str, str] = {
    "lower": "lowerutf8", "lcase": "lowerutf8", "upper": "upperutf8", "ucase": "upperutf8",
    "substring": "substringutf8", "substr": "substringutf8", "mid": "substringutf8", "left": "leftutf8",
    "right": "rightutf8", "trim": "trimboth", "ltrim": "trimleft", "rtrim": "trimright",
    "reverse": "reverseutf8",
    "replace": "replaceall", "regexpextract": "extract", "position": "positionutf8",
    "strpos": "positionutf8", "positioncaseinsensitive": "positioncaseinsensitiveutf8",
    "leftpad": "leftpadutf8", "lpad": "leftpadutf8", "rightpad": "rightpadutf8", "rpad": "rightpadutf8",
    "splitbychar": "splitbystring", "power": "pow", "ln": "log", "ceiling": "ceil", "truncate": "trunc",
    "mod": "modulo", "year": "toyear", "quarter": "toquarter", "month": "tomonth", "day": "todayofmonth",
    "dayofmonth": "todayofmonth", "dayofweek": "todayofweek", "dayofyear": "todayofyear", "hour": "tohour",
    "minute": "tominute", "second": "tosecond", "week": "toisoweek", "toweek": "toisoweek", "date": "todate",
    "date_format": "formatdatetime", "jsonextractstr": "jsonextractstring",
    "jsonextractarray": "jsonextractarrayraw",
    "char_length": "length", "character_length": "length", "lengthutf8": "length", "len": "length",
}  # fmt: skip
