"""The house: parts are where docs/develop says, imports point one way, SQL is made of names and parameters only."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import pytest

import runstore
from runstore import errors
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.xdist_group("house")  # the modules are parsed once

PACKAGE = ROOT / "runstore"

Node = TypeVar("Node", bound=ast.AST)

ORDER = [
    *(
        "suggestions",
        "errors",
        "statuses",
        "zones",
        "times",
        "amounts",
        "files",
        "masking",
        "pace",
        "waiting",
        "config",
    ),
    *("wire", "redact", "sources", "schema", "mapping", "backends", "migrate", "metrics"),
    *("connections", "prices", "fetched", "query", "save", "upkeep", "formats", "answers", "charts", "shown"),
    *("repository", "asynchronous", "orm", "report", "web", "fetch", "cli"),
]
"""A module imports only modules that precede it."""

AGAINST = {("runstore.schema.sessions", "runstore.orm")}
"""The one exception: whoever imports a model has its sessions write runs through the mapping."""

WHERE_DATABASES_DIFFER = ("backends", "config", "migrate")

KNOW_THE_DATABASE = {
    "schema/base.py": "the type of a column differs",
    "schema/run.py": "an index and its function are PostgreSQL's",
    "schema/views.py": "the type of a column differs",
    "cli/database.py": "--backend chooses the SQL that is printed",
    "upkeep/earlier.py": "earlier snapshots are asked in a SQLite archive in memory",
}
"""Other modules that may name a database, each with its reason."""

DATABASES = ("postgresql", "sqlite", "psycopg", "pysqlite")

OF_NAMED_TUPLES = {"_asdict", "_fields", "_replace"}


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if part_of(path) in ORDER]


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def nodes_by_type(path: Path) -> dict[type[ast.AST], list[Any]]:
    found: dict[type[ast.AST], list[Any]] = defaultdict(list)
    for node in ast.walk(tree(path)):
        found[type(node)].append(node)
    return found


def nodes(path: Path, wanted: type[Node]) -> list[Node]:
    """All nodes of this type in a module, which is parsed and walked once."""
    return nodes_by_type(path)[wanted]


@cache
def names() -> set[str]:
    return {name_of(path) for path in PACKAGE.rglob("*.py")}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and module of runstore of each import, also of those inside functions."""
    for source in nodes(path, ast.ImportFrom):
        assert source.level == 0, "imports are absolute"
        for alias in source.names:
            inner = f"{source.module}.{alias.name}"
            name = inner if inner in names() else str(source.module)
            if name.startswith("runstore."):
                yield source.lineno, name
    for node in nodes(path, ast.Import):
        yield from ((node.lineno, alias.name) for alias in node.names if alias.name.startswith("runstore."))


def test_every_module_has_its_place_in_the_house() -> None:
    found = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert found - {"__init__", "__main__", "__pycache__", "migrations"} == set(ORDER)


def test_the_table_of_the_house_has_every_module_in_its_order() -> None:
    page = (ROOT / "docs/develop/architecture.md").read_text()
    rows = re.findall(r"^\| `runstore/(\w+)(?:\.py|/)` \| (.+) \|$", page, re.M)
    assert [part for part, _ in rows] == ORDER
    for part, purpose in rows:
        if part != "cli":  # a module for each group of commands
            inside = {path.stem for path in (PACKAGE / part).glob("*.py")} - {"__init__"}
            assert inside <= set(re.findall(r"`(\w+)`", purpose)), part


def test_imports_point_towards_the_top_of_the_house() -> None:
    against = [
        f"{path.relative_to(PACKAGE)}:{line} imports {name}"
        for path in modules()
        for line, name in imports(path)
        if ORDER.index(name.split(".")[1]) > ORDER.index(part_of(path)) and (name_of(path), name) not in AGAINST
    ]
    assert not against


def test_no_modules_import_each_other_inside_a_package_either() -> None:
    graph = {name_of(path): {name for _, name in imports(path)} for path in modules()}
    for module, imported in AGAINST:
        graph[module].remove(imported)
    TopologicalSorter(graph).prepare()


def private_names_of_others(path: Path) -> Iterator[tuple[int, str]]:
    """Line and name of each private name of another module that this one imports or reads."""
    imported: set[str] = set()
    for source in nodes(path, ast.ImportFrom):
        if (source.module or "").split(".")[0] == "runstore":
            imported |= {alias.asname or alias.name for alias in source.names}
            yield from ((source.lineno, alias.name) for alias in source.names if is_private(alias.name))
    for node in nodes(path, ast.Attribute):
        if (
            is_private(node.attr)
            and node.attr not in OF_NAMED_TUPLES
            and isinstance(node.value, ast.Name)
            and node.value.id in imported
        ):
            yield node.lineno, f"{node.value.id}.{node.attr}"


def test_no_module_uses_a_private_name_of_another() -> None:
    private = [
        f"{path.relative_to(PACKAGE)}:{line} {name}"
        for path in modules()
        for line, name in private_names_of_others(path)
    ]
    assert not private


TESTS = sorted((ROOT / "tests").rglob("*.py"))
OUR_OWN = OF_NAMED_TUPLES | {"_mapping", "_exit"}
"""Names that begin so and are public all the same: of rows, and os._exit."""


def private_names_in_test(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each private name that a test reads, imports or replaces."""
    for node in nodes(path, ast.Attribute):
        if is_private(node.attr) and node.attr not in OUR_OWN and ast.unparse(node.value) not in ("self", "cls"):
            yield node.lineno, ast.unparse(node)
    for source in nodes(path, ast.ImportFrom):
        yield from ((source.lineno, alias.name) for alias in source.names if is_private(alias.name))
    for call in nodes(path, ast.Call):
        if (called := call.func) and getattr(called, "attr", getattr(called, "id", "")).endswith("setattr"):
            texts = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            yield from ((call.lineno, name) for name in texts if is_private(name.rpartition(".")[2]))


def test_no_test_uses_a_private_name() -> None:
    """Tests use public names; a private name could change without notice."""
    suspects = [path for path in TESTS if re.search(r"\b_[^\W_]", path.read_text())]  # most need not be parsed
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}" for path in suspects for line, name in private_names_in_test(path)
    ]
    assert not found


def test_test_modules_import_nothing_of_each_other() -> None:
    """Code that several test modules need is in tests/helpers."""
    imported = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in TESTS
        for line in re.findall(r"^\s*(?:from|import) .*\btest_\w+.*", path.read_text(), re.M)
    ]
    assert not imported


def databases_named(path: Path) -> list[str]:
    """The places where a module depends on which database it is."""
    constants = [node for node in nodes(path, ast.Constant) if node.value in DATABASES]
    asked = [
        node
        for node in nodes(path, ast.Attribute)
        if node.attr in ("name", "get_backend_name")
        and ast.unparse(node).endswith(("dialect.name", ".get_backend_name"))
    ]
    options = [
        node.value for node in nodes(path, ast.keyword) if (node.arg or "").startswith(("postgresql_", "sqlite_"))
    ]
    return [f"{node.lineno}: {ast.unparse(node)}" for node in (*constants, *asked, *options)]


def test_only_a_few_modules_know_which_database_it_is() -> None:
    named = {
        path.relative_to(PACKAGE).as_posix(): found
        for path in modules()
        if part_of(path) not in WHERE_DATABASES_DIFFER and (found := databases_named(path))
    }
    assert not {module: found for module, found in named.items() if module not in KNOW_THE_DATABASE}
    assert named.keys() == KNOW_THE_DATABASE.keys()


def test_no_module_makes_tables_without_a_migration() -> None:
    assert not [path.relative_to(PACKAGE) for path in modules() if "create_all" in path.read_text()]


def test_text_of_sql_is_put_together_in_one_module_of_names_alone() -> None:
    """ruff's S608 finds SQL made of strings; where it is silenced, only table and column names are put in."""
    silenced = [path for path in PACKAGE.rglob("*.py") if "noqa: S608" in path.read_text()]
    assert [path.relative_to(PACKAGE).as_posix() for path in silenced] == ["backends/base.py"]


MAY_SLEEP = {
    "waiting.py": "where a task awaits instead",
    "migrate/state.py": "migrations do not run in tasks",
    "migrate/safety.py": "migrations do not run in tasks",
    "backends/sqlite.py": "a file is set up by a migration",
}
"""The modules in which a thread may sleep, each with its reason."""


def test_what_waits_lets_an_event_loop_run() -> None:
    sleeping = {path.relative_to(PACKAGE).as_posix() for path in modules() if "time.sleep(" in path.read_text()}
    assert sleeping == MAY_SLEEP.keys()


# --- what users import -----------------------------------------------------------------------------------------------


def homes() -> dict[str, str]:
    """The table of the names that users import: each with its module."""
    tables = [node for node in tree(PACKAGE / "__init__.py").body if isinstance(node, ast.AnnAssign | ast.Assign)]
    (table,) = (
        ast.literal_eval(node.value) for node in tables if node.value and ast.unparse(node).startswith("_NAMES")
    )
    return {name: module for module, names in table.items() for name in names}


def test_every_name_that_users_import_is_where_the_table_says() -> None:
    for name, module in homes().items():
        found = getattr(runstore, name)
        assert found is vars(import_module(f"runstore.{module}"))[name]
        assert getattr(found, "__module__", "").startswith(f"runstore.{module}"), name
    assert set(dir(runstore)) == {*runstore.__all__, "__version__"}
    with pytest.raises(AttributeError, match="no attribute 'RunRepositry'"):
        runstore.RunRepositry  # noqa: B018


def test_type_checkers_read_the_same_names() -> None:
    block = next(node for node in tree(PACKAGE / "__init__.py").body if isinstance(node, ast.If))
    told = {
        str(alias.asname): str(node.module).removeprefix("runstore.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == homes()


def test_every_error_can_be_imported_from_runstore() -> None:
    raised = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == errors.__name__
    }
    assert raised <= set(runstore.__all__)
