"""Token prices: the user fills this table, the view ``runs`` reads it."""

from __future__ import annotations

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from runstore.schema.base import Base, BigInt, Key, Number


class ModelPrice(Base):
    """The price of a million tokens of a model from a given time on."""

    __tablename__ = "model_price"
    __table_args__ = {"comment": "What tokens cost, as imported by the user (own table)."}

    model: Mapped[str] = mapped_column(
        Key, primary_key=True, comment="The name of a model, or its beginning followed by *."
    )
    valid_from: Mapped[int] = mapped_column(
        BigInt,
        primary_key=True,
        autoincrement=False,
        comment="The price applies to runs created at this time or later (Unix seconds).",
    )
    prompt: Mapped[int | float] = mapped_column(Number, comment="Price of a million prompt tokens.")
    cached: Mapped[int | float | None] = mapped_column(
        Number, comment="Price of a million cached prompt tokens; NULL if they cost as much as the others."
    )
    completion: Mapped[int | float] = mapped_column(Number, comment="Price of a million completion tokens.")
    currency: Mapped[str] = mapped_column(Text, comment="Currency of the prices, for example EUR.")
