"""Tests of the lookup service: its parts, and a real process spoken to over HTTP."""
