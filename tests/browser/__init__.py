"""Tests of the widget and the demo shop in a real Chromium, before a real service."""
