"""A shop in the emulator, and VECTOR_SEARCH written out where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_store.engines.bigquery import sql
from feature_store.engines.neighbours import Only
from feature_store.tables.settings import TablesSettings
from tests.feature_store.engines.bigquery.two_days import Shop, two_days


@pytest.fixture
def shop(bigquery_tables: TablesSettings, tmp_path: Path) -> Shop:
    return two_days(bigquery_tables, tmp_path / "scratch")


@pytest.fixture
def written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every VECTOR_SEARCH written out in plain SQL, which the emulator can run."""

    def plain(base: str, questions: str, k: int, how: sql.How, only: Only) -> str:
        distance = "-product" if how.distance == "DOT_PRODUCT" else "1 - product"
        return f"""(
  SELECT query, base, {distance} AS distance
  FROM (
    SELECT STRUCT(q.asked AS asked) AS query,
      STRUCT(b.item_id AS item_id, b.region_id AS region_id) AS base,
      (
        SELECT SUM(x * q.vector[ORDINAL(i + 1)]) FROM UNNEST(b.vector) AS x WITH OFFSET AS i
      ) AS product
    FROM ({base}) AS b CROSS JOIN ({questions}) AS q
  )
  QUALIFY ROW_NUMBER() OVER (PARTITION BY query.asked ORDER BY product DESC) <= {k}
)"""

    monkeypatch.setattr(sql, "vector_search", plain)
