"""Tests of what both sides need to read a photo."""
