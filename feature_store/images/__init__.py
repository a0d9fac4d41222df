"""From an image's address to upright RGB pixels of bounded size, whatever is at that address.

In the order in which an image meets them: `settings`, `addresses` (which hosts may be asked),
`pacing` (when, and how many at a time), `network` (connections only to checked addresses), `source`
(what is there now, and how it is known again), `files`, `objects` and `answers` (bytes of a disk,
of a bucket and of a host), `fetch` (all of these by address), `loader` (fetched and decoded, many
at a time), `thumbnails` (what the shop shows). Decoding itself is in `photo`, where the lookup
service has it, too.
"""
