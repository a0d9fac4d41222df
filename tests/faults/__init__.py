"""The fault harness: `python -m tests.faults` (`make faults`) breaks the pipeline in every way it
should bear, and says what caught each fault.

In the order of a run: `processes` (forked children that can be killed), `warm` (what they have
imported already), `steps` (death at the n-th change on disk), `shop` (three days of a small shop),
`pipeline` (the road that the victims run), `state` (what a home says), `report` (faults, the table
and the JSON line), then the groups: `kills`, `commands`, `writers`, `disk`, `network`, `batches`
and `bundles`.
"""
