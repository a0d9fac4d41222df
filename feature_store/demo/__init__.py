"""The demo shop: a catalogue with photos and ground truth, rendered from a seed when it is wanted.

In the order in which data meets them: `render` (the entry point) asks `plan` for the shop's life
in days and `listings` for its categories; a designer in `products` builds a `design` out of
`geometry`, `solids` and `materials` (with `palette`) as a `model`; `scenes` sets it up before one
of the `backdrops`; `photo` takes the picture with the compiled `raster`, `shading` and `staging`
(over `surface`, `patterns`, `lighting` and `noise`; see `jit`); `catalogue` and `truth` write the
lists.
"""
