"""Tests of the catalogue stage."""
