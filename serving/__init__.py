"""The lookup service: CPU only, one copy of the bundle shared by its worker processes.

In the order in which a request meets them: `command` (the `serve` command), `settings`,
`supervisor` (follows CURRENT), `mirror` (brings bundles out of a bucket), `workers` (load once,
fork, serve), `board` (what the processes share), `protocol` (what is no HTTP), `app` (routes),
`observed` (timing, headers, counting), `parameters` (what may be asked), `answers` (what is
answered), `pages` (widget, shop and photos), `problems` (errors), `metrics`, `openapi`; `widget/`
and `shop/` hold what browsers run.
"""
