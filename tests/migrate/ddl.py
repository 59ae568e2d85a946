"""The DDL of both backends, as the models say it: ``python -m tests.migrate.ddl`` writes it to migrations/ddl."""

from __future__ import annotations

from alembic.script import ScriptDirectory
from sqlalchemy import DDL, Dialect, ExecutableDDLElement
from sqlalchemy.engine import URL
from sqlalchemy.schema import CreateIndex, CreateTable, SetColumnComment, SetTableComment

from runstore import migrate
from runstore.schema import Base, RunObject
from runstore.schema.run import JSON_TERMS
from tests.helpers.paths import ROOT

FOLDER = ROOT / "migrations" / "ddl"
DIALECTS: dict[str, Dialect] = {name: URL.create(name).get_dialect()() for name in ("postgresql", "sqlite")}


def ddl(dialect: Dialect) -> str:
    """All tables, indexes and comments, then the views."""
    statements: list[ExecutableDDLElement] = []
    for table in Base.metadata.sorted_tables:
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        if dialect.name == "sqlite":
            indexes = [index for index in indexes if index.dialect_options["postgresql"]["using"] != "gin"]
        statements.append(CreateTable(table))
        if dialect.name == "postgresql" and table is RunObject.__table__:
            statements.append(DDL(JSON_TERMS))  # type: ignore[no-untyped-call]
        statements += [CreateIndex(index) for index in indexes]
        if dialect.supports_comments:
            statements.append(SetTableComment(table))
            statements += [SetColumnComment(column) for column in table.columns]
    texts = [str(statement.compile(dialect=dialect)).strip() for statement in statements]
    texts += [f'CREATE VIEW "{name}" AS\n{query.strip()}' for name, query in views(dialect.name).items()]
    lines = [line.rstrip() for text in texts for line in f"{text};\n".splitlines()]
    return "\n".join(lines) + "\n"


def views(database: str) -> dict[str, str]:
    """The views that the migrations leave behind: VIEWS of a revision are the same on all databases, views() differ."""
    found: dict[str, str] = {}
    for revision in reversed(list(ScriptDirectory.from_config(migrate.alembic_config()).walk_revisions())):
        found |= getattr(revision.module, "VIEWS", {})
        if made := getattr(revision.module, "views", None):
            found |= made(database)
    return found


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, dialect in DIALECTS.items():
        (FOLDER / f"{name}.sql").write_text(ddl(dialect))
