"""Tests of what is done with objects in buckets."""
