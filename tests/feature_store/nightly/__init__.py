"""Tests of the nightly build."""
