"""The request as views see it: fields, parameters, and no trace of the caller's key (api M7, M11).

A body that cannot be read has no fields while credentials are looked for, and is an error from the
moment a view asks for `request.data` (api N4: a broken body never hides a 401).
"""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, QueryDict, UnreadablePostError
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Empty, Request

from insights_service.errors import UnreadableBody
from insights_service.parsers import MAX_BODY_BYTES, Fields, too_large

KEY_FIELD = "personal_api_key"


class ApiRequest(Request):
    """A REST framework request whose `data` is a plain dict.

    `query_key` and `body_key` hold what came as `personal_api_key`; the field itself is gone from
    `data`, from `query_params` and from every link built from the request.
    """

    query_key: Any
    body_key: Any
    # The framework's own names, which its stubs do not have.
    _data: Any
    _request: Any
    negotiator: Any

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.query_key = _take_query_key(request)
        self.body_key = None
        self._failure: Exception | None = None

    def read_body_key(self) -> Any:
        """The key in the body, or None; also None when the body cannot be read."""
        try:
            self._load_data_and_files()
        except Exception as failure:
            self._failure = failure
        return self.body_key

    def _load_data_and_files(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._data is not Empty:
            return
        fields, files = self._read()
        self.body_key = fields.pop(KEY_FIELD, None)
        self._data, self._files, self._full_data = fields, files, {**fields, **files.dict()}
        # Django's own code (CSRF) must not read the stream a second time.
        self._request._post, self._request._files = QueryDict(), files

    def _read(self) -> tuple[Fields, MultiValueDict[str, Any]]:
        raw = read_body(self._request)
        if not raw.strip():
            return {}, MultiValueDict()
        # JSON is the default (api M7), also for a client that does not say what it sends.
        if not self.content_type:
            self._request.META["CONTENT_TYPE"] = "application/json"
        parser = self.negotiator.select_parser(self, self.parsers)
        if parser is None:
            raise UnsupportedMediaType(self.content_type)
        parsed: Any = parser.parse(BytesIO(raw), self.content_type, self.parser_context)
        return (parsed, MultiValueDict()) if isinstance(parsed, dict) else (parsed.data, parsed.files)


def read_body(request: HttpRequest) -> bytes:
    """All bytes of the body. Over the limit: `RequestTooLarge`, without reading it when it says so itself."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        raise too_large()
    try:
        raw = _chunked(request) if length == "0" else request.body
    except RequestDataTooBig as error:
        raise too_large() from error
    except UnreadablePostError as error:
        raise UnreadableBody("The request body broke off.") from error
    if len(raw) > MAX_BODY_BYTES:
        raise too_large()
    return raw


def request_parameters(request: Request) -> Fields:
    """Body fields and query parameters together; per key the query string wins (api S2)."""
    return {**dict(request.data), **request.query_params.dict()}


def _chunked(request: HttpRequest) -> bytes:
    """A body without a length. Django takes it for empty; the server has taken the chunks apart already."""
    if "chunked" not in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        return b""
    stream = request.META.get("wsgi.input")
    return stream.read(MAX_BODY_BYTES + 1) if stream else b""


def _take_query_key(request: HttpRequest) -> Any:
    """Remove the key from the query string, so that no link, log or cache key can repeat it (api M11)."""
    key = request.GET.get(KEY_FIELD)
    if key is None:
        return None
    parameters = request.GET.copy()
    del parameters[KEY_FIELD]
    request.GET = parameters  # type: ignore[assignment]  # a copy, equal in use
    request.META["QUERY_STRING"] = urlencode(list(_pairs(parameters)))
    return key


def _pairs(parameters: QueryDict) -> Any:
    return ((name, value) for name, values in parameters.lists() for value in values)
