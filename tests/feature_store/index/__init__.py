"""Tests of the index stage."""
