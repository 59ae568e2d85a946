"""The views over runs: the same names, columns and values on every backend, whatever is stored."""

from __future__ import annotations

import sqlalchemy
from sqlalchemy import Engine

from runstore.schema import views


def test_the_live_views_have_the_columns_of_their_models(engine: Engine) -> None:
    live = sqlalchemy.inspect(engine)
    for view in views.VIEWS:
        found = [column["name"] for column in live.get_columns(view.name)]
        assert found == [column.name for column in view.columns], view.name
