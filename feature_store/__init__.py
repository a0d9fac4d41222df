"""Nitamono's library, free of Airflow, in the order in which data meets it.

catalogue → images → vision (regions, features) → quality → tables → index → bundle. These stages do
not import each other: they meet in `schemas`. `ingest` composes them into a partition of the store,
`nightly` into a published bundle; `events` counts what shoppers then do, and `cli` puts all of it
into a person's hands.
"""
