"""Regions and features: where the products are in a photo, and what each one looks like.

In the order in which data meets them:

    settings              which models, how many products, how large a batch
    device                the processor and the number format that the models run in
    letterbox             photos fitted into one square batch, and boxes carried back
    detect                the Detector protocol, its answers, and the one that finds nothing
    detector_weights      the file of a detector's weights, found or downloaded
    ultralytics_weights   ultralytics imported quietly, and its weights opened with care
    ultralytics_detector  the Detector that runs any YOLO
    product_detector      our own detector's weights, opened
    crops                 a box cut out of a photo, and squashed to an extractor's size
    extract               the Extractor protocol, and how vectors are normalised
    packaged              the networks whose weights are packaged
    efficientnet          the Extractor that runs them
    onnx_extractor        the Extractor that runs any image model in ONNX
    export                the built-in extractor written as an ONNX model
    identity              who a detector or an extractor is, before it is loaded
    lazy                  a detector and an extractor that load when they are first used
    models                the detector and the extractor that the settings ask for
    regions               the regions of a photo, and their features

Importing this package, its settings or its protocols imports neither torch nor ultralytics.
"""
