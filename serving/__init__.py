"""The lookup service: CPU only, one copy of the bundle shared by its worker processes.

In the order in which a request meets them: `command` (the `serve` command), `settings`,
`supervisor` (follows CURRENT and CANARY), `wishes` (what they name, what of it is refused),
`mirror`, `mirroring` and `news` (bring bundles and tiers out of a bucket), `workers` (load once,
fork, serve), `served` (live bundle or canary?), `watch` (takes up fresh tiers), `board` (what the
processes share), `protocol` (what is no HTTP), `app` and `routes`, `observed` (timing, headers,
counting), `parameters` (what may be asked), `answers` (what is answered), `shelf` and `summary`,
`photos` (what looks like a photo's products), `photo_pool`, `photo_wire` and `photo_reading` (the
processes that read them), `pages` (widget, shop and photos), `problems` (errors), `metrics`,
`openapi` and `schemas`;
`widget/` and `shop/` hold what browsers run.
"""
