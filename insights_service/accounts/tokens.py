"""The secrets of the service as text: how they are made, hidden and compared. No database here."""

from __future__ import annotations

import hashlib
import secrets
import string

BASE62 = string.ascii_letters + string.digits
PERSONAL_KEY_PREFIX = "phx_"
PROJECT_TOKEN_PREFIX = "phc_"
# 43 base62 characters carry 256 bits; the contract asks for at least 32 (api M13).
SECRET_LENGTH = 43


def random_base62(length: int) -> str:
    """Unpredictable text of letters and digits."""
    return "".join(secrets.choice(BASE62) for _ in range(length))


def new_personal_key() -> str:
    """A personal API key in clear: shown once, never stored (api M13)."""
    return PERSONAL_KEY_PREFIX + random_base62(SECRET_LENGTH)


def new_project_token() -> str:
    """A write-only capture token. It is no secret: every page that sends events carries it."""
    return PROJECT_TOKEN_PREFIX + random_base62(SECRET_LENGTH)


def new_distinct_id() -> str:
    """The id under which a user of this service would send events about himself."""
    return random_base62(32)


def hash_key(value: str) -> str:
    """SHA-256 of a personal key, 64 hex characters.

    No salt and no slow hash: the key has 256 random bits, so guessing is hopeless anyway,
    and the hash must be found by an index lookup on every request.
    """
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def mask_key(value: str) -> str:
    """What may be shown of a key for ever: `phx_...` and its last four characters (api M13)."""
    return f"{PERSONAL_KEY_PREFIX}...{value[-4:]}"
