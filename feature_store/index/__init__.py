"""From unit vectors to a proven index: the graph, the stored neighbours, and how good they are.

In the order in which vectors meet them: `settings`, `reduce` (mean, main directions, distinct
vectors), `build` (the graphs), `forecast` (what that takes), `evaluate` (recall against exact
search, tuning), `dimension` (how short vectors may be) and `graph_choice`, `finders` and
`graph_finder` (the nearest of many at once), `attribute` (which region of a photo shows its item),
`neighbours`, and `curve` and `sheet` (the pictures that a build leaves).
"""
