"""Where a session came from, in one word: the `$channel_type` of sessions (semantics B14).

Judged by the session's first event that says anything: campaign tags first, then the referrer. The
lists are short on purpose; a source that is in none of them is a referral.
"""

from __future__ import annotations

from queries.sql.fragment import Sql, join, sql, strings

DIRECT_DOMAIN = "$direct"

_SEARCH = ("google", "bing", "duckduckgo", "yahoo", "baidu", "yandex", "ecosia", "brave", "qwant", "naver")
_SOCIAL = (
    "facebook", "instagram", "twitter", "x", "t.co", "linkedin", "reddit", "pinterest", "tiktok",
    "mastodon", "threads", "bsky", "whatsapp", "telegram", "quora", "news.ycombinator",
)  # fmt: skip
_VIDEO = ("youtube", "vimeo", "twitch", "dailymotion")
_SHOPPING = ("amazon", "ebay", "etsy", "shopping", "walmart", "alibaba", "shopify")
_EMAIL = ("email", "e-mail", "e_mail", "newsletter", "mail.google", "outlook.live", "mail.yahoo")
_PAID_MEDIUM = "'^(.*cp.*|ppc|retargeting|paid.*)$'"


def channel_type() -> Sql:
    """The channel as an aggregate over one session's events, stored text form."""
    rules = join(", ", (sql("{when}, {name}", when=when, name=sql(f"'{name}'")) for name, when in _rules()))
    return sql("multiIf({rules}, 'Referral')", rules=rules)


def _first(key: str) -> Sql:
    """The entry's value of an event property, lower case."""
    return sql(f"lower(argMinIf(props['{key}'], (ts, uuid), props['{key}'] NOT IN ('', '\\0')))")


def _site(value: Sql) -> Sql:
    """`www.google.co.uk` and `google` both are `google`."""
    return sql("replaceRegexpOne({value}, '^(?:www|m|l|lm|out)\\\\.', '')", value=value)


_MEDIUM, _SOURCE, _CAMPAIGN = _first("utm_medium"), _first("utm_source"), _first("utm_campaign")
_REFERRER = _first("$referring_domain")


def _from(names: tuple[str, ...]) -> Sql:
    """The campaign's source, or else the referring site, is one of these or a country's edition of it."""
    origin = sql("if({s} != '', {s}, {r})", s=_site(_SOURCE), r=_site(_REFERRER))
    return sql(
        "arrayExists(name -> {origin} = name OR startsWith({origin}, concat(name, '.')), {names})",
        origin=origin,
        names=strings(names),
    )


def _rules() -> tuple[tuple[str, Sql], ...]:
    """In this order; the first that holds names the channel."""
    click_id = sql("{g} != '' OR {m} != ''", g=_first("gclid"), m=_first("gad_source"))
    paid = sql(f"match({{medium}}, {_PAID_MEDIUM}) OR {{click}}", medium=_MEDIUM, click=click_id)
    untagged = sql("{m} = '' AND {s} = ''", m=_MEDIUM, s=_SOURCE)
    direct = sql(
        "{untagged} AND {r} IN ('', '$direct') AND NOT ({paid})", untagged=untagged, r=_REFERRER, paid=paid
    )
    return (
        ("Cross Network", sql("position({c}, 'cross-network') > 0", c=_CAMPAIGN)),
        ("Direct", direct),
        *(
            (f"Paid {kind}", sql("({paid}) AND {site}", paid=paid, site=_from(names)))
            for kind, names in _KINDS
        ),
        ("Paid Search", click_id),
        ("Display", sql("{m} IN ('display', 'banner', 'expandable', 'interstitial', 'cpm')", m=_MEDIUM)),
        ("Paid Unknown", paid),
        ("Email", sql("{m} IN {words} OR {site}", m=_MEDIUM, words=strings(_EMAIL), site=_from(_EMAIL))),
        *(
            (f"Organic {kind}", sql("{site} OR {m} = {kind}", site=_from(names), m=_MEDIUM, kind=sql(word)))
            for (kind, names), word in zip(
                _KINDS, ("'organic'", "'social'", "'video'", "'shopping'"), strict=True
            )
        ),
        ("Affiliate", sql("{m} = 'affiliate'", m=_MEDIUM)),
        ("Audio", sql("{m} = 'audio'", m=_MEDIUM)),
        ("SMS", sql("{m} = 'sms' OR {s} = 'sms'", m=_MEDIUM, s=_SOURCE)),
        ("Push", sql("endsWith({m}, 'push') OR {s} = 'firebase'", m=_MEDIUM, s=_SOURCE)),
        ("Unknown", sql("{r} IN ('', '$direct')", r=_REFERRER)),
    )


_KINDS = (("Search", _SEARCH), ("Social", _SOCIAL), ("Video", _VIDEO), ("Shopping", _SHOPPING))
