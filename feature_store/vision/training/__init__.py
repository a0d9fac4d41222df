"""Trains the product detector on rendered scenes, from what packages ship.

In the order in which a scene meets them: `artwork` (cut-outs and photographs of this machine),
`textures`, `shapes` (products drawn from nothing), `backdrops`, `photograph` (what a camera does),
`scenes` (composing one), `maps` (many, and what the frozen trunk sees in them), `pretrained`,
`settings`, `loop`, `evaluate`, `picture`; `python -m feature_store.vision.training` runs it all.
"""
