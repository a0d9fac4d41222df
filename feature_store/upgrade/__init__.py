"""A new extractor for the whole store, in bounded chunks, while nightly runs go on."""
