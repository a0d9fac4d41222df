"""A store in the emulator, and writers of it in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from feature_store.tables.bigquery import BigQueryFeatureStore
from feature_store.tables.settings import TablesSettings

ROOT = Path(__file__).parents[4]

StartWriter = Callable[..., "subprocess.Popen[str]"]
"""Starts `writer` with a day, a seed and options."""


@pytest.fixture
def warehouse_store(bigquery_tables: TablesSettings, tmp_path: Path) -> BigQueryFeatureStore:
    return BigQueryFeatureStore(bigquery_tables, tmp_path / "scratch")


@pytest.fixture
def start_writer(bigquery_tables: TablesSettings, tmp_path: Path) -> StartWriter:
    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.feature_store.tables.bigquery.writer"]
        command += [bigquery_tables.dataset, bigquery_tables.staging, *arguments]
        command += ["--scratch", str(tmp_path / "writers")]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    return start
