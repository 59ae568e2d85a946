"""The tables and views in the catalog of a database."""

from __future__ import annotations

import sqlalchemy
from sqlalchemy import Engine, text

from runstore import migrate

CATALOG = """
    SELECT 'column', c.relname::text, a.attname::text,
           row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum)::text, format_type(a.atttypid, a.atttypmod),
           a.attnotnull::text, coalesce(l.collname, ''),
           concat(col_description(c.oid, a.attnum), pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_collation l ON l.oid = a.attcollation
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = CAST(:place AS regnamespace) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid), '', '', ''
    FROM pg_constraint WHERE connamespace = CAST(:place AS regnamespace)
    UNION ALL
    SELECT 'index', tablename, indexname, indexdef, '', '', '', '' FROM pg_indexes WHERE schemaname = :schema
    UNION ALL
    SELECT 'comment', relname, coalesce(obj_description(oid), ''), '', '', '', '', ''
    FROM pg_class WHERE relnamespace = CAST(:place AS regnamespace) AND relkind = 'r'
    UNION ALL
    SELECT 'function', proname, pg_get_functiondef(oid), '', '', '', '', ''
    FROM pg_proc WHERE pronamespace = CAST(:place AS regnamespace)
    UNION ALL
    SELECT 'trigger', tgrelid::regclass::text, pg_get_triggerdef(t.oid), '', '', '', '', ''
    FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
    WHERE c.relnamespace = CAST(:place AS regnamespace) AND NOT tgisinternal
    UNION ALL
    SELECT 'other', relname, relkind::text, '', '', '', '', ''
    FROM pg_class WHERE relnamespace = CAST(:place AS regnamespace) AND relkind NOT IN ('r', 'i', 'v')
"""


def catalog(engine: Engine, schema: str = "public") -> set[str]:
    """The catalog entries of all tables, without views and the version table."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            ours = "type <> 'view' AND name NOT LIKE 'sqlite#_%' ESCAPE '#'"
            rows = connection.execute(text(f"SELECT sql FROM sqlite_master WHERE {ours}"))
            found = {" ".join(row[0].split()).replace("( ", "(").replace(" )", ")") for row in rows if row[0]}
        else:
            names = {"schema": schema, "place": f'"{schema}"'}
            found = {str(tuple(row)) for row in connection.execute(text(CATALOG), names)}
    return {line for line in found if migrate.VERSION_TABLE not in line}


def views_of(engine: Engine) -> dict[str, str]:
    """The views of a database with their definitions, as the database stores them."""
    inspector = sqlalchemy.inspect(engine)
    made = {name: inspector.get_view_definition(name) for name in inspector.get_view_names()}
    return {name: " ".join(str(sql).replace('"', "").split()) for name, sql in made.items()}
