"""The lookup service: CPU only, one copy of the bundle shared by its worker processes.

In the order in which a request meets them:

- starting: `command` (the `serve` command), `settings`, `log`, `supervisor` (follows CURRENT and
  CANARY), `wishes` (what they name, what of it is refused), `mirror`, `mirroring` and `news` (bring
  bundles and tiers out of a bucket), `generation` (which bundles, loaded once), `workers`, `places`
  and `processes` (forked from there and kept alive), `worker` (one of them), `served` (live bundle
  or canary?), `watch` (takes up fresh tiers), `board` (what the processes share);
- off the socket: `protocol` (what is no HTTP) and `patience` (what is too slow);
- the door: `service` (its parts), `lookups` (the common question, without a framework), `limits`,
  `origins`, `app` and `routes` (everything else), `observed` (timing, headers, counting), `doors`
  (what a service may have or lack), `bodies` (what is sent);
- a question: `parameters` (how it may be asked), `questions` (what about), `batches` (several),
  `photos` (what looks like a photo's products), `photo_pool`, `photo_wire` and `photo_reading` (the
  processes that read them), `events` and `event_log` (what shoppers did);
- its answer: `answers`, `pieces` (of JSON), `shelf` and `summary`, `replies` (compressed?),
  `caching` (for how long?), `problems` (errors), `pages` (widget, shop and photos);
- what is told of it: `counters` and `metrics`, `openapi`, `schemas` and `sent`.

`widget/` and `shop/` hold what browsers run, `static/` writes answers as files.
"""
