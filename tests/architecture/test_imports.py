"""Imports point one way: dags → operators → feature_store ← serving, and stages never meet."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("dags", "operators", "feature_store", "serving")
MAY_IMPORT = {
    "dags": {"operators"},
    "operators": {"operators", "feature_store"},
    "feature_store": {"feature_store"},
    "serving": {"serving", "feature_store"},
}
STAGES = {
    "catalogue",
    "images",
    "vision",
    "quality",
    "tables",
    "index",
    "bundle",
    "models",
    "runs",
    "demo",
}
SHARED = {"errors", "memory", "photo", "schemas", "storage"}
SERVING_MAY_USE = {"bundle", *SHARED}
HEAVY = {"torch", "ultralytics", "google", "ngtpy", "great_expectations", "torchvision", "cv2"}


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imported(path: Path, *, top_only: bool = False) -> Iterator[str]:
    """Every dotted name a module imports; with `top_only`, only what importing it imports."""
    tree = ast.parse(path.read_text())
    nodes = top_level(tree) if top_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top_level(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from top_level(child)


def test_every_room_has_modules() -> None:
    for room in ROOMS:
        assert modules(room), room


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_in_one_direction(room: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(room)
        for name in imported(path)
        if name.split(".")[0] in ROOMS and name.split(".")[0] not in MAY_IMPORT[room]
    ]
    assert wrong == []


def test_stages_do_not_import_each_other() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for stage in sorted(STAGES)
        for path in modules(f"feature_store/{stage}")
        for name in imported(path)
        if name.startswith("feature_store.") and name.split(".")[1] not in {stage, *SHARED}
    ]
    assert wrong == []


def test_serving_uses_only_the_bundle_of_the_library() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules("serving")
        for name in imported(path)
        if name.startswith("feature_store.") and name.split(".")[1] not in SERVING_MAY_USE
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ["dags", "operators"])
def test_nothing_heavy_is_imported_at_the_top_of_what_airflow_parses(room: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(room)
        for name in imported(path, top_only=True)
        if name.split(".")[0] in HEAVY
    ]
    assert wrong == []


def test_the_library_never_imports_airflow() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in modules("feature_store")
        if any(name.split(".")[0] == "airflow" for name in imported(path))
    ]
    assert wrong == []


def test_no_module_is_named_for_nothing() -> None:
    names = {"utils.py", "helpers.py", "common.py"}
    assert [path for room in ROOMS for path in modules(room) if path.name in names] == []


@pytest.mark.parametrize("room", [*ROOMS, "tests"])
def test_nothing_unpickles(room: str) -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in modules(room)
        if any(name.split(".")[0] in {"pickle", "dill", "joblib"} for name in imported(path))
    ]
    assert wrong == []
