"""The static export: the answers of a bundle as files for a CDN, which the widget reads by itself.

In the order in which answers become files: `source` (the bundle and its fresh tier), `shards`
(which file an item is in, and what it holds), `folder` (where files are, and how they come to be
there all at once), `photos` and `widgets` (what a page needs beside them), `command`
(`nitamono export-static`).
"""
