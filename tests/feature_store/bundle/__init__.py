"""Tests of the bundle stage."""
