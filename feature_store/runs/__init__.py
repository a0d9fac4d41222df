"""What every run did: `runs.jsonl` in the home, one line for each, kept until upkeep forgets it.

One module: `log` (a run, and how it is recorded, read and forgotten).
"""

from feature_store.runs.log import Run, forget_runs, read_runs, record_run

__all__ = ["Run", "forget_runs", "read_runs", "record_run"]
