"""Thin Airflow operators: each builds a library object, calls it and returns a small summary.

`ingest` (plan, extract, check, commit a partition) → `index` (decide, build, check, publish a
bundle). `local` starts an Airflow of one's own for `make demo`.
"""
