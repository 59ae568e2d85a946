"""The common parts of all tables: naming convention, column types that agree on both backends, shared rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    BinaryExpression,
    ColumnElement,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Text,
    cast,
    literal,
    type_coerce,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.sql import operators
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.types import TypeDecorator, TypeEngine

from runstore import wire
from runstore.schema.tracked import Tracked
from runstore.wire.spelling import Names


class Number(TypeDecorator[int | float]):
    """A JSON number stored exactly: numeric without scale on PostgreSQL, NUMERIC affinity (int or double) on SQLite."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        # SQLAlchemy's Numeric would return ten digits on SQLite; the driver's own int and float are exact.
        exact: TypeEngine[Any] = Numeric() if dialect.name == "postgresql" else Numeric(asdecimal=False)
        return dialect.type_descriptor(exact)

    def process_bind_param(self, value: int | float | None, dialect: Dialect) -> Any:
        # PostgreSQL's cast from float8 to numeric keeps 15 digits, so the shortest spelling is passed as a decimal.
        if isinstance(value, float) and dialect.name == "postgresql":
            return Decimal(repr(value))
        return value

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return lambda value: value if value is None or type(value) is int else plain_number(value)


def plain_number(value: Decimal | float) -> int | float:
    """Return an int if a stored number is a 64-bit integer, else a float."""
    return int(value) if value == int(value) and int(value) in wire.INT64 else float(value)


class _Compared(TypeDecorator[Any]):
    """The text of a JSON value, for comparisons: PostgreSQL's json type has no equality operator."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        return lambda value: None if value is None else _canonical(value)


def _canonical(value: Any) -> str:
    return wire.canonical(wire.encode(value), "$").decode()


class JSONText(TypeDecorator[Any]):
    """A JSON object stored as text. Python values are written as canonical text.

    The type is json on PostgreSQL, since jsonb does not keep the order of keys, and TEXT on SQLite, where the type name
    JSON would mean numeric affinity. In queries, ``column["key"]`` is the value of a key. Two values are equal if their
    canonical texts are.
    """

    impl = JSON
    cache_ok = True

    class Comparator(TypeDecorator.Comparator[Any], JSON.Comparator[Any]):
        """Operators that behave the same on both databases."""

        def operate(self, op: Any, *other: Any, **options: Any) -> Any:
            if op in _COMPARISONS and other[0] is None and isinstance(self.expr, BinaryExpression):
                return op(self.expr.as_string(), None)  # an absent key or null: not every database distinguishes them
            if op in _COMPARISONS:
                others = [cast(one, _Compared) if _is_json(one) else one for one in other]
                return op(cast(self.expr, _Compared), *others, **options)
            if isinstance(op, custom_op) and op.return_type is None and op.opstring.endswith(">>"):
                return self.expr.op(op.opstring, precedence=op.precedence, return_type=Text())(*other)
            return super().operate(op, *other, **options)

    comparator_factory = Comparator

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(JSON() if dialect.name == "postgresql" else Text())

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Read the column as text, which SELECT DISTINCT can compare and whose numbers no driver converts."""
        return type_coerce(cast(column, Text), self)

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        """Treat the other operand as what it is: a key, a path or a number."""
        return literal(value).type

    def compare_values(self, x: Any, y: Any) -> bool:
        """Return whether two values are the same, including types and key order; in Python 1 == True."""
        return x is y or (type(x) is type(y) and repr(x) == repr(y))

    def bind_processor(self, dialect: Dialect) -> Any:
        return lambda value: None if value is None else _canonical(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        # psycopg returns parsed json if a statement does not read the column as text; sqlite3 returns text.
        return lambda value: wire.loads(value) if isinstance(value, str) else value


Tracked.associate_with(JSONText)

_COMPARISONS = (
    *(operators.eq, operators.ne, operators.in_op, operators.not_in_op),
    *(operators.is_distinct_from, operators.is_not_distinct_from, operators.is_, operators.is_not),
)


def _is_json(operand: Any) -> bool:
    return isinstance(getattr(operand, "type", None), JSONText)


NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

BigInt = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit integer on both databases. On SQLite a primary key is the row id only if its type is exactly INTEGER."""


UnixSeconds = BigInteger().with_variant(Integer(), "sqlite")
"""Seconds since 1970-01-01. For columns of this very object, the mapping also accepts ISO 8601."""

Key = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is compared, ordered and indexed by its bytes on both backends, whatever the server's locale.

Columns of this very object may be indexed: the mapping refuses a text that is too long for an index. The types are
SQLAlchemy's own, because Alembic copies the type of a key into the migrations of applications that refer to it.
"""

RunId = Annotated[str, mapped_column(Key)]
KeyText = Annotated[str | None, mapped_column(Key)]
LongText = Annotated[str | None, mapped_column(Text)]
Count = Annotated[int | None, mapped_column(BigInt)]
Timestamp = Annotated[int | None, mapped_column(UnixSeconds)]
Numeral = Annotated[int | float | None, mapped_column(Number)]
Flag = Annotated[bool | None, mapped_column()]
JSONObject = Annotated[dict[str, Any] | None, mapped_column(JSONText)]
Digest = Annotated[bytes, mapped_column(LargeBinary)]


class Base(DeclarativeBase):
    """Only migrations create the tables; this metadata describes them."""

    metadata = MetaData(naming_convention=NAMES)


FUNCTION_NAMES = Names(["function"])
"""The name of the member of a shared value that is stored in function_object."""


class Shared:
    """A value that many runs share: written once, never updated, and identified by its content."""

    id: Mapped[int] = mapped_column(
        BigInt,
        primary_key=True,
        autoincrement=False,
        sort_order=-2,
        comment="The first 63 bits of digest: the same value has the same id in every archive.",
    )
    digest: Mapped[Digest] = mapped_column(sort_order=-1, comment="BLAKE2b (32 bytes) of the value's canonical text.")

    @property
    def value(self) -> Any:
        """The whole value as JSON represents it: a dict, or a string."""
        value = wire.loads(self.document)  # type: ignore[attr-defined]  # a column of nearly all such tables
        if (function := getattr(self, "function", None)) is not None:
            value[FUNCTION_NAMES.key_of("function", value) or "function"] = function.value
        return value
