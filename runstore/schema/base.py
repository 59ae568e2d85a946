"""What all tables share: the naming convention, column types that mean the same on both backends, shared rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, Dialect, Integer, LargeBinary, MetaData, Numeric, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from runstore import wire
from runstore.spelling import Names


class Number(TypeDecorator[int | float]):
    """A JSON number kept exactly: numeric without scale on PostgreSQL, NUMERIC affinity (int or double) on SQLite."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        # SQLAlchemy's Numeric would read back ten digits on SQLite; the driver's own int and float are exact.
        exact: TypeEngine[Any] = Numeric() if dialect.name == "postgresql" else Numeric(asdecimal=False)
        return dialect.type_descriptor(exact)

    def process_bind_param(self, value: int | float | None, dialect: Dialect) -> Any:
        # PostgreSQL's float8 -> numeric keeps 15 digits: the shortest spelling goes as a decimal.
        if isinstance(value, float) and dialect.name == "postgresql":
            return Decimal(repr(value))
        return value

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return lambda value: value if value is None or type(value) is int else plain_number(value)


def plain_number(value: Decimal | float) -> int | float:
    """The int where a stored number is a 64-bit integer, else the float."""
    return int(value) if value == int(value) and int(value) in wire.INT64 else float(value)


class JSONText(TypeDecorator[Any]):
    """A JSON object kept as its text: json on PostgreSQL (jsonb forgets the order of keys), TEXT on SQLite, whose
    JSON type name would mean numeric affinity. Python values are written as canonical text."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(JSON() if dialect.name == "postgresql" else Text())

    def bind_processor(self, dialect: Dialect) -> Any:
        return lambda value: None if value is None else wire.canonical(wire.encode(value), "$").decode()

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        # psycopg hands over parsed json, sqlite3 its text.
        return lambda value: wire.loads(value) if isinstance(value, str) else value


NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

BigInt = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits on both; on SQLite only the word INTEGER makes a primary key the row's own number."""


class UnixSeconds(BigInteger):
    """Seconds since 1970-01-01, which the mapping also reads from a time in ISO 8601."""


class KeyString(Text):
    """Text that may stand in an index: the mapping refuses one that an index could not hold."""


Key = KeyString().with_variant(KeyString(collation="C"), "postgresql")
"""Text that is compared, ordered and indexed by its bytes on both backends, whatever the server's locale."""

RunId = Annotated[str, mapped_column(Key)]
KeyText = Annotated[str | None, mapped_column(Key)]
LongText = Annotated[str | None, mapped_column(Text)]
Count = Annotated[int | None, mapped_column(BigInt)]
Timestamp = Annotated[int | None, mapped_column(UnixSeconds().with_variant(Integer(), "sqlite"))]
Numeral = Annotated[int | float | None, mapped_column(Number)]
Flag = Annotated[bool | None, mapped_column()]
JSONObject = Annotated[dict[str, Any] | None, mapped_column(JSONText)]
Digest = Annotated[bytes, mapped_column(LargeBinary)]


class Base(DeclarativeBase):
    """The tables are made by the migrations and by nothing else: this metadata describes them."""

    metadata = MetaData(naming_convention=NAMES)


FUNCTION_NAMES = Names(["function"])
"""Of the member of a shared value whose value stands in function_object."""


class Shared:
    """A value that many runs share: written once, never updated, found by what it is."""

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
        """The whole value as JSON has it: a dict, or the string of a string form."""
        value = wire.loads(self.document)  # type: ignore[attr-defined]  # a column of nearly every such table
        if (function := getattr(self, "function", None)) is not None:
            value[FUNCTION_NAMES.key_of("function", value) or "function"] = function.value
        return value
