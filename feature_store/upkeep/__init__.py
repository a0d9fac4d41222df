"""What keeps a home in order: compaction, retention, and what killed runs left behind."""
