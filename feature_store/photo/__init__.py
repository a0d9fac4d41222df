"""What both sides need to read a photo: the pipeline at ingest, the lookup service at a question.

In the order in which a photo meets them:

    headers         what the bytes claim to be
    limits          how much a photo may cost
    decode          bytes to upright RGB pixels of bounded size
    letterbox       photos fitted into one square batch, and boxes carried back
    detect          the Detector protocol, its answers, and the one that finds nothing
    sift            which of a network's boxes are products
    onnx_session    a model opened on ONNX Runtime
    onnx_detector   the Detector that runs a network of `detect`'s kind in ONNX
    crops           a box cut out of a photo, and squashed to an extractor's size
    extract         the Extractor protocol, and how vectors are normalised
    onnx_extractor  the Extractor that runs any image model in ONNX
    regions         the regions of a photo, and their features
    models          the models that a bundle carries
    reader          from a photo's bytes to its regions and their vectors, with those

Needs Pillow and ONNX Runtime, never torch, and imports each only where it is used: importing this
package, or one of its protocols, imports neither.
"""
