"""Why a whole capture request is turned away: code -> status and error type, in one table (api X3-X5).

SDKs look at the status only: 4xx means "never send this again", 503 means "send it again later".
"""

from __future__ import annotations

REFUSALS: dict[str, tuple[int, str]] = {
    "no_data": (400, "validation_error"),
    "invalid_payload": (400, "validation_error"),
    "missing_api_key": (401, "authentication_error"),
    "invalid_api_key": (401, "authentication_error"),
    "method_not_allowed": (405, "invalid_request"),
    "request_too_large": (413, "invalid_request"),
    "at_capacity": (503, "server_error"),
}


class Refused(Exception):
    """The request as a whole is not accepted; `code` is a row of REFUSALS, `detail` says what to change."""

    def __init__(self, code: str, detail: str, *, attr: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.type = REFUSALS[code]
        self.code = code
        self.detail = detail
        self.attr = attr

    def body(self) -> dict[str, str | None]:
        """The contract's error form (api N1)."""
        return {"type": self.type, "code": self.code, "detail": self.detail, "attr": self.attr}


def invalid_payload(detail: str, *, attr: str | None = None) -> Refused:
    """A body that cannot be read, in one sentence for the person who sent it."""
    return Refused("invalid_payload", detail, attr=attr)
