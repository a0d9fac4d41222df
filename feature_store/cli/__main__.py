"""`python -m feature_store.cli`: the `nitamono` command without an installed script."""

from feature_store.cli import main

main(prog_name="nitamono")
