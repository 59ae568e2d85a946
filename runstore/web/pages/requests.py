"""The query of a page, read with the same tables as that of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request

from runstore.query.criteria import FILTERS, Kind
from runstore.web import parameters
from runstore.web.pages.links import Pairs
from runstore.web.pages.rendering import Site
from runstore.web.parameters import Parameter

_MAY_BE_EMPTY = (Kind.ONE_OF, Kind.PAIRS)


class Asked(NamedTuple):
    """What a page was asked for."""

    values: dict[str, Any]
    where: dict[str, Any]
    """The filters among the values."""
    pairs: Pairs
    """The query, without the fields of a form that were left empty."""


def read(site: Site, request: Request, known: Mapping[str, Parameter]) -> Asked:
    """Return what a page was asked for. Raises :class:`Refusal`."""
    values = parameters.read(request.scope["query_string"], known, skip=_is_empty)
    where = parameters.where(values)
    if site.hide_text:
        parameters.check_no_text(where)
    text = request.scope["query_string"].decode("ascii")
    pairs = [
        (name, value)
        for name, value in parse_qsl(text, keep_blank_values=True)
        if name in known and not _is_empty(name, value)
    ]
    return Asked(values, where, pairs)


def _is_empty(name: str, value: str) -> bool:
    """Return whether a field of a form was left empty; an empty source or model can be meant."""
    return not value.strip() and not (name in FILTERS and FILTERS[name].kind in _MAY_BE_EMPTY)
