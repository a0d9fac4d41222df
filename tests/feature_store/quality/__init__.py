"""Tests of the two gates."""
