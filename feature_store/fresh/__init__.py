"""The fresh tier: what changed since the live bundle was built, searchable within a minute."""
