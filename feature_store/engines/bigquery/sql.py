"""The statements that BigQuery is asked: a bundle's regions as a table, its index, its neighbours.

What is written into them are names of ours, the checked name of a bundle, and numbers of ours.
Everything else travels as a parameter. Syntax of VECTOR_SEARCH and CREATE VECTOR INDEX:
https://cloud.google.com/bigquery/docs/reference/standard-sql/search_functions#vector_search and
https://cloud.google.com/bigquery/docs/vector-index (read in November 2026).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from feature_store.bundle.records import BUNDLE_ID
from feature_store.engines.neighbours import ALL, Only
from feature_store.errors import BundleError, SettingsError

INDEXES = ("", "IVF", "TREE_AH")
COSINES = {"COSINE": "1 - distance", "DOT_PRODUCT": "-distance"}
"""The cosine of two unit vectors by their distance, for each type of distance that is used here:
BigQuery calls the negative product a distance, so that the smallest is always the nearest."""

COLUMNS = ("item_id", "region_id", "segment", "in_stock", "vector")
KEPT_DAYS = 7
"""How long a table of regions stays after it was made; nobody needs to remove it."""


@dataclass(frozen=True)
class How:
    """How BigQuery looks for neighbours; SettingsError for what it does not know."""

    index: str = ""
    """Empty: every vector is compared, exactly. IVF or TREE_AH: that index is made and asked."""

    fraction: float = 0.05
    """Which share of the index's lists is searched, above 0 and up to 1; without one, no matter."""

    distance: str = "COSINE"
    """COSINE or DOT_PRODUCT; of unit vectors both put the same ones first."""

    def __post_init__(self) -> None:
        """Check every value."""
        if self.index not in INDEXES:
            raise SettingsError(f"index is {self.index!r}; write IVF, TREE_AH or nothing")
        if not 0 < self.fraction <= 1:
            raise SettingsError(f"fraction is {self.fraction}; write a number above 0 and up to 1")
        if self.distance not in COSINES:
            raise SettingsError(f"distance is {self.distance!r}; write one of {tuple(COSINES)}")


EXACT = How()
BRUTE_FORCE = """'{"use_brute_force": true}'"""


def table_name(bundle_id: str) -> str:
    """Name the table of a bundle's regions; BundleError for what is no bundle's name."""
    return f"nearest_{check_bundle_id(bundle_id)}"


def check_bundle_id(bundle_id: str) -> str:
    """Return a bundle's name: letters, digits, - and _, so that it may stand in an SQL text."""
    if not BUNDLE_ID.fullmatch(bundle_id):
        raise BundleError(f"{bundle_id!r} is not the name of a bundle")
    return bundle_id


def check_word(word: str) -> str:
    """Return a word that `How` knows, so that it may stand in an SQL text; SettingsError if not."""
    if word not in (*INDEXES, *COSINES):
        raise SettingsError(f"{word!r} is no word of BigQuery that is used here")
    return word


def create_sql(table: str) -> str:
    """Write the statement that makes the empty table of regions, in place of an old one.

    `table`: its quoted name.
    """
    return f"""CREATE OR REPLACE TABLE {table} (
  item_id STRING NOT NULL,
  region_id STRING NOT NULL,
  segment STRING,
  in_stock BOOL,
  vector ARRAY<FLOAT64>
)
CLUSTER BY segment
OPTIONS (expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL {KEPT_DAYS:d} DAY))"""


def fill_sql(table: str, live_items: str, live_parts: Sequence[str]) -> str:
    """Write the statement that fills the table with every region's centred unit vector.

    `live_items`: the query of item_id, segment and in_stock of live items; `live_parts`: for each
    of the bundle's extractors, that of item_id, region_id, image_index and vector of its features.
    Parameters: @mean_0 and @weight_0 of the first extractor, and so on.
    """
    parts = ",\n".join(_part_sql(number, live) for number, live in enumerate(live_parts))
    names = [f"part_{number:d}" for number in range(len(live_parts))]
    joins = "".join(f"\nJOIN {name} USING (item_id, region_id)" for name in names[1:])
    vectors = ", ".join(f"{name}.vector" for name in names)
    joined = f"ARRAY_CONCAT({vectors})" if len(names) > 1 else vectors
    return f"""INSERT INTO {table} ({", ".join(COLUMNS)})
WITH items AS (
{live_items}
),
{parts}
SELECT item_id, region_id, items.segment, items.in_stock, {joined}
FROM part_0{joins}
JOIN items USING (item_id)"""


def _part_sql(number: int, live: str) -> str:
    """Centre one extractor's vectors as `Projection.centre` does: unit length, less the mean, unit
    length again, times the root of its weight; a region that an item shows twice counts once."""
    mean, weight = f"@mean_{number:d}", f"@weight_{number:d}"
    return f"""live_{number:d} AS (
{live}
),
once_{number:d} AS (
  SELECT item_id, region_id, vector, {_length("vector")} AS length
  FROM (
    SELECT item_id, region_id, vector,
      ROW_NUMBER() OVER (PARTITION BY item_id, region_id ORDER BY image_index) AS nth
    FROM live_{number:d}
  )
  WHERE nth = 1
),
shifted_{number:d} AS (
  SELECT item_id, region_id, ARRAY(
    SELECT number / length - {mean}[ORDINAL(place + 1)]
    FROM UNNEST(vector) AS number WITH OFFSET AS place ORDER BY place
  ) AS vector
  FROM once_{number:d}
),
part_{number:d} AS (
  SELECT item_id, region_id, ARRAY(
    SELECT SQRT({weight}) * number / length
    FROM UNNEST(vector) AS number WITH OFFSET AS place ORDER BY place
  ) AS vector
  FROM (SELECT item_id, region_id, vector, {_length("vector")} AS length FROM shifted_{number:d})
)"""


def _length(column: str) -> str:
    return f"SQRT((SELECT SUM(number * number) FROM UNNEST({column}) AS number))"


def index_sql(table: str, how: How) -> str:
    """Write the statement that makes the vector index; BigQuery builds it in the background.

    An IVF index keeps the other columns beside the vectors, so that a filter is applied before
    the search and not to its answers; TREE_AH keeps none.
    """
    kept = [name for name in COLUMNS if name != "vector"]
    storing = f"\nSTORING({', '.join(kept)})" if how.index == "IVF" else ""
    return f"""CREATE OR REPLACE VECTOR INDEX nearest
ON {table}(vector){storing}
OPTIONS (index_type = '{check_word(how.index)}', distance_type = '{check_word(how.distance)}')"""


def search_sql(table: str, k: int, how: How = EXACT, only: Only = ALL) -> str:
    """Write the query of the k nearest regions to each of the vectors in @questions.

    Columns: query (its place among the questions), item_id, region_id and cosine. Parameters:
    @questions, each a text of numbers with commas, and what `only` needs: @in_stock, @segment.
    """
    found = vector_search(base_sql(table, only), questions_sql(), k, how, only)
    return f"""SELECT query.asked AS query, base.item_id, base.region_id,
  {COSINES[how.distance]} AS cosine
FROM {found}"""


def base_sql(table: str, only: Only) -> str:
    """Write the query of the regions that may be answers; the filter comes before the search."""
    wanted = [f"{name} = @{name}" for name in ("in_stock", "segment") if _given(only, name)]
    where = f"\n    WHERE {' AND '.join(wanted)}" if wanted else ""
    return f"""SELECT item_id, region_id, segment, in_stock, vector
    FROM {table}{where}"""


def questions_sql() -> str:
    """Write the query of the asked vectors: their place and their numbers.

    A text of nine digits a number is a third of the size of an array of numbers in a request.
    """
    return """SELECT position AS asked, ARRAY(
      SELECT CAST(number AS FLOAT64)
      FROM UNNEST(SPLIT(question, ',')) AS number WITH OFFSET AS place ORDER BY place
    ) AS vector
    FROM UNNEST(@questions) AS question WITH OFFSET AS position"""


def vector_search(base: str, questions: str, k: int, how: How, only: Only) -> str:
    """Write the call: a table of the columns query, base and distance."""
    # What a TREE_AH index finds could only be filtered afterwards, and would be too little.
    asks_index = how.index == "IVF" or (how.index == "TREE_AH" and only == ALL)
    searched = f"'{{\"fraction_lists_to_search\": {how.fraction:g}}}'"
    options = searched if asks_index else BRUTE_FORCE
    return f"""VECTOR_SEARCH(
  (
    {base}
  ),
  'vector',
  (
    {questions}
  ),
  query_column_to_search => 'vector',
  top_k => {k:d},
  distance_type => '{check_word(how.distance)}',
  options => {options}
)"""


def _given(only: Only, name: str) -> bool:
    return getattr(only, name) is not None
