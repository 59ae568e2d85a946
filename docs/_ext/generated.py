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
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

import runstore
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
            [
                f"`{name}`",
                ", ".join(f"`{f'{option} {one.metavar}'.strip()}`" for option in (one.short, one.option) if option),
                one.help,
            ]
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


ERROR = """\
## {kind.__name__}

```{{eval-rst}}
.. currentmodule:: runstore
.. autoexception:: {kind.__name__}
   :show-inheritance:
   :members:
   :exclude-members: message, advice, exit_code, fields
```

Message
: `{kind.message}{kind.advice}`

Exit code
: {kind.exit_code}
"""


def error_classes() -> str:
    """Every class of errors: when it is raised, its message, its exit code."""
    found = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.RunStoreError)]
    return "\n".join(ERROR.format(kind=kind) for kind in found)


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


def by_the_name_users_import(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """Link a class to where it is documented: docstrings and types have it by the module in which it lives."""
    name = node.get("reftarget", "").rpartition(".")[2]
    if node.get("refdomain") != "py" or name not in runstore.__all__:
        return None
    domain = env.domains.python_domain
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", f"runstore.{name}", node, content)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register all of it."""
    app.add_directive("generated", Generated)
    app.connect("sphinx-click-process-description", as_text)
    app.connect("sphinx-click-process-arguments", as_text)
    app.connect("sphinx-click-process-options", without_logs)
    app.connect("sphinx-click-process-epilog", with_examples)
    app.connect("missing-reference", by_the_name_users_import)
    return {"parallel_read_safe": True}
