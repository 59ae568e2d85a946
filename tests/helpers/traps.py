"""Databases that refuse rows."""

from __future__ import annotations

from sqlalchemy import Engine


def fail_on(engine: Engine, table: str, run_id: str) -> None:
    """Make the database refuse rows of one run in a table."""
    is_it = f"NEW.id = '{run_id}'"
    if table != "run_object":
        is_it = f"EXISTS (SELECT 1 FROM run_object r WHERE r.number = NEW.run_object AND r.id = '{run_id}')"
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql(
                f"CREATE TRIGGER trap BEFORE INSERT ON {table} WHEN {is_it} "
                "BEGIN SELECT RAISE(ABORT, 'the trap is sprung'); END"
            )
        else:
            connection.exec_driver_sql(
                "CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN "
                f"IF {is_it} THEN RAISE 'the trap is sprung'; END IF; RETURN NEW; END $$"
            )
            connection.exec_driver_sql(
                f"CREATE TRIGGER trap BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION trap()"
            )


def disarm(engine: Engine, table: str) -> None:
    """Let it take them again."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER trap")
        else:
            connection.exec_driver_sql(f"DROP TRIGGER trap ON {table}")
            connection.exec_driver_sql("DROP FUNCTION trap")
