"""What a token opens: a public link as it is, or one for a single customer (api Q6, Q10).

An embed token is a signed sentence: this link, only rows that pass these filters, until then. It is made
by the server for a caller who may edit the link and is stored nowhere; switching the link off or renewing
its token kills every embed token made from it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import check_password
from django.core import signing
from django.db.models import Q
from rest_framework.exceptions import Throttled

from insights.models import SharingConfiguration
from insights_service import clock
from insights_service.accounts.logins import TRIES_AT_ONCE, TRIES_ON_ACCOUNT, WINDOW_SECONDS, Counter

SALT = "insights.embed"
MAX_LENGTH = 16_384  # of a token that is worth looking at
PREFIX = "link-tries"


class PasswordRequired(Exception):
    """The link asks for a password, and none or a wrong one came."""


@dataclass(frozen=True, slots=True)
class Link:
    """An open link. `row_filter` are property filters that the guest cannot see or change."""

    sharing: SharingConfiguration
    row_filter: Any = None  # property filters in any accepted shape


def embed_token(sharing: SharingConfiguration, row_filter: Any, expires_at: datetime) -> str:
    """Text that opens the link with only the rows that pass `row_filter`, until `expires_at`.

    Whoever holds it can read it but not change it; hence the link's own token, which knows no filter, is
    in it as a fingerprint only.
    """
    sentence = {
        "s": sharing.pk,
        "t": _fingerprint(sharing.access_token),
        "f": row_filter,
        "e": int(expires_at.timestamp()),
    }
    return signing.dumps(sentence, salt=SALT, compress=True)


def unlocked_token(sharing: SharingConfiguration, expires_at: datetime) -> str:
    """Text that opens a protected link without its password, until then or until the password changes.

    For the pictures and downloads of a page that somebody opened with the password.
    """
    sentence = {
        "s": sharing.pk,
        "t": _fingerprint(sharing.access_token),
        "p": _fingerprint(sharing.password_hash),
        "f": None,
        "e": int(expires_at.timestamp()),
    }
    return signing.dumps(sentence, salt=SALT, compress=True)


def open_token(token: str, password: str | None = None, address: str = "") -> Link | None:
    """What a token opens; None for one that opens nothing, without a hint why.

    PasswordRequired for the plain token of a protected link, Throttled after too many wrong ones. An embed
    token needs no password: whoever made it was allowed to.
    """
    if is_signed(token):
        return _open_embed(token)
    sharing = _working(Q(access_token=token))
    if sharing is None:
        return None
    if sharing.password_hash:
        _require_password(sharing, password, address)
    return Link(sharing)


def is_signed(token: str) -> bool:
    """Whether a token is a signed sentence, and not the plain name of a link."""
    return ":" in token


def password_in(headers: Mapping[str, str]) -> str | None:
    """The password of HTTP's basic form, which every browser and client can send; the name is ignored."""
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return None


def _require_password(sharing: SharingConfiguration, password: str | None, address: str) -> None:
    """Counted before the password is looked at: tries sent at the same moment are no way around."""
    if password is None:
        raise PasswordRequired
    tries = f"{PREFIX}:{sharing.pk}"
    counters = (Counter(f"{tries}:{address}", TRIES_AT_ONCE), Counter(tries, TRIES_ON_ACCOUNT))
    if not all(counter.take() for counter in counters):
        raise Throttled(wait=WINDOW_SECONDS, detail="Too many wrong passwords.")
    if not check_password(password, sharing.password_hash):
        raise PasswordRequired
    for counter in counters:
        counter.give_back()


def _open_embed(token: str) -> Link | None:
    try:
        sentence = signing.loads(token[:MAX_LENGTH], salt=SALT)
    except signing.BadSignature:
        return None
    sharing = _working(Q(pk=sentence["s"]))
    if sharing is None or sentence["t"] != _fingerprint(sharing.access_token):
        return None
    if sentence.get("p") not in (None, _fingerprint(sharing.password_hash)):
        return None
    is_over = clock.now().timestamp() >= sentence["e"]
    return None if is_over else Link(sharing, sentence["f"])


def _working(which: Q) -> SharingConfiguration | None:
    """The link, if it is on and what it opens still exists (api P31)."""
    links = SharingConfiguration.objects.select_related("project", "insight", "dashboard")
    link = links.filter(which, enabled=True).first()
    if link is None:
        return None
    thing = link.insight or link.dashboard
    return None if thing is None or thing.deleted else link


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
