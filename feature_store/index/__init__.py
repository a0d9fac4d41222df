"""From unit vectors to a proven index: the graph, the stored neighbours, and how good they are.

In the order in which vectors meet them: `settings`, `reduce` (mean, main directions, distinct
vectors), `build` (the graphs), `neighbours` (exact, all with all), `evaluate` (recall against
exact search, tuning), `curve` and `sheet` (the pictures that a build leaves).
"""
