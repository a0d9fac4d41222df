"""Regions and features: where the products are in a photo, and what each one looks like.

In the order in which data meets them:

    settings              which models, how many products, how large a batch
    device                the processor and the number format that the models run in
    detector_weights      the file of a detector's weights, found or downloaded
    ultralytics_weights   ultralytics imported quietly, and its weights opened with care
    ultralytics_detector  the Detector that runs any YOLO
    product_detector      our own detector's weights, opened
    packaged              the networks whose weights are packaged
    efficientnet          the Extractor that runs them
    export                the built-in models written as ONNX
    identity              who a detector or an extractor is, before it is loaded
    lazy                  a detector and an extractor that load when they are first used
    models                the detector and the extractor that the settings ask for

What the lookup service needs as well, because photos are asked with there, is in `photo`: the
protocols of both, crops, and the Extractor that runs any image model in ONNX.

Importing this package, its settings or its protocols imports neither torch nor ultralytics.
"""
