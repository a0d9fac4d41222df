"""Benchmarks: each prints a small table and one JSON line; `make bench-NAME` runs one."""
