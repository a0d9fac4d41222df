"""Tests of the library, stage by stage."""
