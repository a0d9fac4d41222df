"""The fault harness: `python -m tests.faults` (`make faults`) breaks the pipeline in every way it
should bear, and says what caught each fault.

In the order of a run: `processes` (forked children that can be killed), `warm` (what they have
imported already), `steps` (death at the n-th change on disk), `shop` (three days of a small shop),
`small_disk`, `pipeline` (the road that the victims run), `state` (what a home says), `undisturbed`
(the run to compare with), `report` (the table and the JSON line), `room`; then the groups: `kills`
with `leftovers`, `commands`, `writers`, `disk`, `network` with `bad_host`, `remote`, `batches` with
`planting`, and `bundles`; `groups` lists them.
"""
