"""No string of a catalogue reaches a shell, an SQL text or a template: what source code can show.

Values travel to SQL as parameters. What may be written into its text are names of our own tables
and columns, and days that a function named check_… has judged. That hostile strings do survive the
road is shown by tests/end_to_end/test_hostile_catalogue.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from feature_store.schemas import CATALOGUE, FEATURES, LEDGER
from tests.architecture.test_imports import ROOMS, ROOT, modules

SHELLS = {
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "asyncio.create_subprocess_shell",
    "eval",
    "exec",
}
SQL = re.compile(
    r"\b(SELECT\s.*\bFROM|INSERT\s+INTO|DELETE\s+FROM|MERGE\s+INTO|UPDATE\s.*\bSET|CREATE\s+"
    r"(OR\s+REPLACE\s+)?(TABLE|VIEW|SCHEMA|TEMP|VECTOR)|DROP\s+(TABLE|VIEW|SCHEMA)|ALTER\s+TABLE|"
    r"WHERE\s|VECTOR_SEARCH\s*\()",
    re.DOTALL,
)
HOSTILE = {*CATALOGUE.names, *LEDGER.names, *FEATURES.names, "uri", "uris", "value", "values"}
"""Names that hold, wherever they stand for a value, what somebody else has written."""

TEMPLATED = {"shard", "chunk", "folder", "bundle", "comparison", "approval", "days"}
"""What Airflow renders in an operator: paths, days, figures with names of bundles, and whether
somebody agreed, that an earlier task of ours has made. Such a value is put in whole and not
rendered again.
"""


def shells(tree: ast.AST) -> Iterator[str]:
    """Every call that hands a text to a shell or to Python itself."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name in SHELLS:
            yield f"line {node.lineno}: {name}"
        for keyword in node.keywords:
            if keyword.arg == "shell" and ast.unparse(keyword.value) != "False":
                yield f"line {node.lineno}: shell={ast.unparse(keyword.value)}"


def formatted_sql(tree: ast.AST) -> Iterator[str]:
    """Everything written into an SQL text that is no name of ours and no judged day."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and SQL.search(_words(node)):
            yield from _wrong_parts(node)
        elif isinstance(node, ast.keyword) and node.arg == "predicate":
            yield from _wrong_parts(node.value)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add):
            sides = (node.left, node.right)
            if any(_is_sql_text(side) for side in sides) and not all(map(_is_text, sides)):
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Attribute) and node.attr == "format" and _is_sql_text(node.value):
            yield f"line {node.lineno}: {ast.unparse(node)}"


def _words(node: ast.JoinedStr) -> str:
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else " … " for part in node.values
    )


def _wrong_parts(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.JoinedStr):
        return
    before = ""
    for part in node.values:
        if isinstance(part, ast.Constant):
            before += str(part.value)
        elif isinstance(part, ast.FormattedValue) and not _is_judged(part.value):
            names = {name.id for name in ast.walk(part.value) if isinstance(name, ast.Name)}
            if before.count("'") % 2 or before.count('"') % 2 or names & HOSTILE:
                yield f"line {part.lineno}: {ast.unparse(part.value)}"


def _is_judged(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2].startswith(
        "check_"
    )


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_sql_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and bool(SQL.search(str(node.value)))


def found(room: str, search: object) -> list[str]:
    assert callable(search)
    return [
        f"{path.relative_to(ROOT)} {complaint}"
        for path in modules(room)
        for complaint in search(ast.parse(path.read_text()))
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_is_handed_to_a_shell(room: str) -> None:
    assert found(room, shells) == []


@pytest.mark.parametrize("room", ROOMS)
def test_values_reach_sql_as_parameters_only(room: str) -> None:
    assert found(room, formatted_sql) == []


def test_templates_render_only_paths_of_our_own() -> None:
    fields = {
        str(constant.value)
        for path in modules("operators")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.AnnAssign | ast.Assign) and "template_fields" in ast.unparse(node)
        for constant in ast.walk(node)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    }
    assert fields
    assert fields <= TEMPLATED


@pytest.mark.parametrize(
    "code",
    [
        "os.system(command)",
        "subprocess.run(command, shell=True)",
        "subprocess.run(command, shell=quick)",
        "eval(text)",
    ],
)
def test_a_planted_shell_is_found(code: str) -> None:
    assert list(shells(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "f\"SELECT a FROM t WHERE b = '{anything}'\"",
        "f'DELETE FROM {table} WHERE item_id = {item_id}'",
        "f'SELECT a FROM t WHERE b IN ({\", \".join(uris)})'",
        "'SELECT a FROM t WHERE b = %s' % b",
        "'SELECT a FROM t WHERE b = ' + b",
        "'SELECT a FROM {}'.format(b)",
        "f\"CREATE VECTOR INDEX i ON {table}(v) OPTIONS (index_type = '{kind}')\"",
        "f\"VECTOR_SEARCH((SELECT 1), 'v', (SELECT 2), distance_type => '{kind}')\"",
        "write(predicate=f\"ds = '{ds}'\")",
    ],
)
def test_a_planted_value_in_sql_is_found(code: str) -> None:
    assert list(formatted_sql(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "f'SELECT {columns} FROM {self.table(\"head\")} WHERE version = @version'",
        "write(predicate=f\"ds = '{check_ds(ds)}'\")",
        "f'{count} rows were selected'",
        "'SELECT a ' + 'FROM b'",
    ],
)
def test_names_of_our_own_pass(code: str) -> None:
    assert not list(formatted_sql(ast.parse(code)))
