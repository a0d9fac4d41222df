"""Tests of what is the BigQuery store's own."""
