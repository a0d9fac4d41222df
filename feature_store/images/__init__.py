"""From an image's address to upright RGB pixels of bounded size, whatever is at that address.

In the order in which an image meets them: `settings`, `addresses` (which hosts may be asked),
`network` (connections only to checked addresses), `fetch` (bytes), `headers` (what the bytes claim
to be), `decode` (pixels), `loader` (all of it, many at a time), `thumbnails` (what the shop shows).
"""
