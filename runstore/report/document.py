"""The report as an HTML document."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Unpack

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from runstore import charts, redact, shown, zones
from runstore.errors import InvalidArgument
from runstore.query.criteria import FILTERS, Filter, Kind
from runstore.report import blocks, numbers, versions
from runstore.report.blocks import Clean
from runstore.report.figures import Figures, read
from runstore.report.period import BOUNDS
from runstore.repository import RunRepository

TITLE = "Assistant runs"

LONGEST_TITLE = 120

LONGEST_FILTERS = 300
"""Maximum length of all filters together."""

LONGEST_FILTER = 100
"""Maximum length of the value of a filter."""


def html(
    runs: RunRepository,
    *,
    title: str = TITLE,
    by: str = "model",
    prompts: bool = True,
    redact: bool = False,
    **where: Unpack[Filter],
) -> str:
    """Return a report of the runs that meet the conditions of :meth:`.RunRepository.find`, as an HTML document.

    Without ``created_before``, the period ends after the day of the newest run. Without ``created_from``, it begins
    with the first of the last twelve weeks that have runs. Each of the six numbers at the top is compared with the same
    number of the period before, which has the same length. Days and weeks are in the time zone of the repository. *by*:
    the group by which the costs of each week are divided: ``model``, ``assistant``, ``source`` or ``metadata:KEY``.
    *prompts*: whether to list the prompt versions of the assistants with the most runs. *redact*: whether to omit what
    looks like a secret (:mod:`runstore.redact`). The same runs and prices give the same document.

    Raises :class:`ConfigurationError`.
    """
    if len(title) > LONGEST_TITLE:
        raise InvalidArgument(argument="title", reason=f"has {len(title)} characters, expected at most {LONGEST_TITLE}")
    figures = read(runs, where, by=by, with_prompts=prompts)
    return page(figures, where, title=title, with_prompts=prompts, clean=_without_secrets if redact else _as_it_is)


def page(figures: Figures, where: Mapping[str, Any], *, title: str, with_prompts: bool, clean: Clean) -> str:
    """Return the document for these figures."""
    style = _style()
    return (
        _environment()
        .get_template("report.html")
        .render(
            title=title,
            style=Markup(style),
            policy=_policy(style),
            figures=figures,
            period=figures.period,
            zone=zones.name_of(figures.zone),
            numbers=numbers.six(figures, clean),
            first=[blocks.cost(figures, clean), blocks.outcomes(figures), blocks.durations(figures)],
            second=blocks.failures(figures, clean),
            lists=[blocks.slowest(figures), blocks.most_expensive(figures, clean)],
            with_prompts=with_prompts,
            assistants=versions.by_assistant(figures, clean),
            filters=shown.shortened(clean(" ".join(_options(where))), LONGEST_FILTERS),
            version=version("runstore"),
        )
    )


def _as_it_is(text: str) -> str:
    return text


def _without_secrets(text: str) -> str:
    return redact.message(text)


def _options(where: Mapping[str, Any]) -> Iterator[str]:
    """Yield the filters as options of a command, except those that set the period."""
    for name, value in where.items():
        if name in BOUNDS or value is None:
            continue
        criterion = FILTERS[name]
        if criterion.kind is Kind.YES_OR_NO:
            yes, no = criterion.option.split("/")
            yield yes if value else no
            continue
        if isinstance(value, Mapping):
            values = [f"{key}={of_key}" for key, of_key in value.items()]
        else:
            values = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
        for each in values:
            yield f"{criterion.option} {shlex.quote(shown.shortened(str(each), LONGEST_FILTER))}"


# --- the document ----------------------------------------------------------------------------------------------------


@cache
def _style() -> str:
    return files(__package__).joinpath("report.css").read_text("utf-8") + charts.STYLE


def _policy(style: str) -> str:
    """Return the security policy of the document, which allows this one style and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown.visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = shown.number
    environment.filters["short"] = shown.shortened
    return environment
