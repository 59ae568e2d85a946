"""The parts of the site that are made from the code, so that they cannot lack a row.

The directive ``{generated} NAME`` shows the Markdown that the function of this name returns. The pages of the command
line are sphinx-click's; it does not know the examples of a command, and takes a help text for reStructuredText.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from runstore import errors
from runstore.query import criteria
from runstore.schema import views


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown."""
    headings = list(headings)
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines) + "\n"


def filters() -> str:
    """Every filter, as an argument and as an option."""
    return table(
        ["argument", "option", "selects"],
        (
            [f"`{name}`", f"`{' '.join(filter(None, (one.option, one.metavar)))}`", one.help]
            for name, one in criteria.FILTERS.items()
        ),
    )


def view_columns() -> str:
    """Every view over runs, with its columns."""
    parts = []
    for view in views.metadata.tables.values():
        columns = ([f"`{column.name}`", column.comment or ""] for column in view.columns)
        parts.append(f"## {view.name}\n\n{view.comment}\n\n{table(['column', 'holds'], columns)}")
    return "\n".join(parts)


def error_classes() -> str:
    """Every class of errors: when it is raised, its message, its exit code, its attributes."""
    found = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.RunStoreError)]
    parts = []
    for kind in found:
        parts.append(f"({kind.__name__})=\n## {kind.__name__}\n")
        parts.append(f"```{{eval-rst}}\n.. autoexception:: runstore.errors.{kind.__name__}\n   :members:\n```\n")
        parts.append(f"Message\n: `{kind.message}`\n")
        parts.append(f"Exit code\n: {kind.exit_code}\n")
    return "\n".join(parts)


TABLES = {"filters": filters, "views": view_columns, "errors": error_classes}


class Generated(SphinxDirective):
    """``{generated} NAME``: what the function of this name returns."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(TABLES[self.arguments[0]](), allow_section_headings=True)


def as_text(app: Sphinx, context: click.Context, lines: list[str]) -> None:
    """A help text is no reStructuredText: its asterisks stand for themselves."""
    lines[:] = [line.replace("*", r"\*") for line in lines]


def without_logs(app: Sphinx, context: click.Context, lines: list[str]) -> None:
    """Every command has the two options of logs; only the description of ``runstore`` itself lists them."""
    as_text(app, context, lines)
    if context.parent is not None:
        options = re.split(r"^(?=\.\. option::)", "\n".join(lines), flags=re.M)
        lines[:] = "".join(one for one in options if not one.startswith(".. option:: --log-")).split("\n")


def with_examples(app: Sphinx, context: click.Context, lines: list[str]) -> None:
    """What the help of a command ends with."""
    if example := getattr(context.command, "example", ""):
        lines += ["", ".. rubric:: Examples", "", ".. code-block:: sh", ""]
        lines += [f"    {line}" for line in example.splitlines()]
        lines.append("")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive and what is done to the command line."""
    app.add_directive("generated", Generated)
    app.connect("sphinx-click-process-description", as_text)
    app.connect("sphinx-click-process-arguments", as_text)
    app.connect("sphinx-click-process-options", without_logs)
    app.connect("sphinx-click-process-epilog", with_examples)
    return {"parallel_read_safe": True}
