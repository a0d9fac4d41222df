"""The statements as they are sent: held against files, and read by a parser of BigQuery's SQL."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from feature_store.engines import ALL, Only
from feature_store.engines.bigquery.sql import (
    EXACT,
    How,
    create_sql,
    fill_sql,
    index_sql,
    search_sql,
    table_name,
)
from feature_store.errors import BundleError, SettingsError
from tests.emulators.process import ENVIRONMENT

GOLDEN = Path(__file__).with_name("golden")
TABLE = f"`shop-project.features.{table_name('20260102T030405-ab_c')}`"

STATEMENTS = {
    "create": create_sql(TABLE),
    "fill_one": fill_sql(TABLE, "SELECT 1 AS the_items", ["SELECT 2 AS the_features"]),
    "fill_two": fill_sql(TABLE, "SELECT 1 AS the_items", ["SELECT 2 AS one", "SELECT 3 AS other"]),
    "index_ivf": index_sql(TABLE, How("IVF")),
    "index_tree_ah": index_sql(TABLE, How("TREE_AH", distance="DOT_PRODUCT")),
    "search_exact": search_sql(TABLE, 10),
    "search_exact_product": search_sql(TABLE, 10, How(distance="DOT_PRODUCT")),
    "search_exact_filtered": search_sql(TABLE, 11, EXACT, Only(True, "men")),
    "search_ivf_filtered": search_sql(TABLE, 100, How("IVF", 0.025), Only(segment="men")),
    "search_tree_ah": search_sql(TABLE, 100, How("TREE_AH")),
    "search_tree_ah_filtered": search_sql(TABLE, 100, How("TREE_AH"), Only(in_stock=False)),
}

PARSE = """
import json, logging, sys, sqlglot
from sqlglot import exp
logging.disable()
found = {}
for name, text in json.load(sys.stdin).items():
    try:
        (tree,) = sqlglot.parse(text, dialect="bigquery", error_level=sqlglot.ErrorLevel.RAISE)
        found[name] = {
            "kind": type(tree).__name__,
            "parameters": sorted({p.name for p in tree.find_all(exp.Parameter)}),
            "tables": sorted({t.name for t in tree.find_all(exp.Table)}),
            "searches": len(list(tree.find_all(exp.VectorSearch))),
        }
    except Exception as error:
        found[name] = {"kind": "wrong", "error": str(error)}
json.dump(found, sys.stdout)
"""
"""Runs where sqlglot is: in the emulators' environment."""


def parsed(statements: dict[str, str]) -> dict[str, dict[str, object]]:
    python = str(ENVIRONMENT / "bin" / "python")
    done = subprocess.run(
        [python, "-c", PARSE],
        check=False,
        text=True,
        capture_output=True,
        input=json.dumps(statements),
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, object]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", list(STATEMENTS))
def test_a_statement_is_the_one_that_was_agreed_on(name: str) -> None:
    """After a wanted change write the file anew, and look at it."""
    assert f"{STATEMENTS[name]}\n" == (GOLDEN / f"{name}.sql").read_text()


def test_no_agreed_statement_is_out_of_use() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(STATEMENTS)


def test_a_parser_of_bigquerys_sql_understands_every_statement() -> None:
    """sqlglot knows no CREATE VECTOR INDEX, and so says nothing of it: it is read by hand."""
    found = parsed({**STATEMENTS, "wrong": "SELECT COUNT(*) FROM x SELECT"})
    assert found.pop("wrong")["kind"] == "wrong"
    for name, about in found.items():
        kind = {"create": "Create", "fill": "Insert", "index": "Command", "search": "Select"}
        assert about["kind"] == kind[name.split("_")[0]], about
        assert about["searches"] == (1 if name.startswith("search") else 0), name
    assert found["search_exact"]["parameters"] == ["questions"]
    assert found["search_exact_filtered"]["parameters"] == ["in_stock", "questions", "segment"]
    assert found["search_ivf_filtered"]["parameters"] == ["questions", "segment"]
    assert found["fill_two"]["parameters"] == ["mean_0", "mean_1", "weight_0", "weight_1"]


@pytest.mark.parametrize("how", [EXACT, How("IVF", 0.5), How("IVF", 1e-9), How("TREE_AH")])
@pytest.mark.parametrize("only", [ALL, Only(segment="x' OR TRUE; DROP")])
def test_options_are_json_and_a_filter_never_comes_after_the_search(how: How, only: Only) -> None:
    sql = search_sql(TABLE, 5, how, only)
    (text,) = re.findall(r"options => '(.*)'", sql)
    options = json.loads(text)
    if how.index and not (how.index == "TREE_AH" and only != ALL):
        assert options == {"fraction_lists_to_search": how.fraction}
    else:
        assert options == {"use_brute_force": True}
    assert "DROP" not in sql
    assert ("WHERE" in sql) == (only != ALL)
    assert "WHERE" not in sql[sql.index("'vector'") :]


def test_an_ivf_index_stores_what_filters_ask_for() -> None:
    stored = re.findall(r"STORING\((.*)\)", STATEMENTS["index_ivf"])
    assert set(stored[0].split(", ")) == {"item_id", "region_id", "in_stock", "segment"}
    assert "STORING" not in STATEMENTS["index_tree_ah"]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"index": "HNSW"}, "IVF, TREE_AH or nothing"),
        ({"index": "IVF'"}, "IVF, TREE_AH or nothing"),
        ({"fraction": 0}, "above 0"),
        ({"fraction": float("nan")}, "above 0"),
        ({"fraction": 1.1}, "up to 1"),
        ({"distance": "EUCLIDEAN"}, "COSINE"),
    ],
)
def test_what_bigquery_does_not_know_is_refused(values: dict[str, object], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        How(**values)


@pytest.mark.parametrize("name", ["", "a`", "a.b", "-a", "a" * 101, "a\n"])
def test_a_table_is_called_by_a_bundles_name_alone(name: str) -> None:
    with pytest.raises(BundleError, match="not the name of a bundle"):
        table_name(name)
