"""What the vision stage can be told: models, thresholds, sizes and where to run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from feature_store.errors import SettingsError
from feature_store.photo.detect import Sieve
from feature_store.photo.onnx_session import OnnxSettings

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class VisionSettings:
    """Settings of the detector and of the extractor; SettingsError for a value out of range."""

    detector: str = "default"
    """'default' (our own product detector), 'none' (whole images only), the path of a
    .safetensors, .pt or .onnx file, or the name of an official YOLO such as 'yolo26n.pt', which is
    downloaded once."""

    detector_image_px: int = 0
    """Side of the square that a photo is fitted into before detection, a multiple of 32; 0 asks
    for the size that the weights were trained at."""

    detector_batch: int = 16
    """Photos that go through the detector together."""

    confidence: float = 0.25
    """Detections under this confidence (0..1) are dropped, but for a photo's best one."""

    best_confidence: float = 0.05
    """A photo's most confident detection is kept from this confidence (0..1) on: shops photograph
    products, so that a doubtful product is likelier than none."""

    iou: float = 0.6
    """Of two detections that overlap more than this (0..1), whatever their labels, the more
    confident one is kept."""

    max_products: int = 8
    """At most so many products are kept in one photo, the most confident first."""

    min_product_share: float = 0.004
    """Products smaller than this share (0..1) of the photo's area are dropped."""

    weights_folder: str = "var/weights"
    """Folder into which named weights are downloaded, once."""

    extractor: str = "efficientnet-lite2"
    """'efficientnet-lite2', or 'efficientnet-lite0' (a fifth quicker, less exact), whose ImageNet
    weights are packaged, or the path of an .onnx file."""

    extractor_batch: int = 32
    """Crops that go through the extractor together."""

    crop_px: int = 224
    """Side of the square that a crop is squashed to, a multiple of 32; an ONNX model of a fixed
    size keeps its own."""

    device: str = "auto"
    """'cpu', 'cuda', or 'auto': CUDA where there is a device, else the CPU."""

    precision: str = "auto"
    """'float32', 'bfloat16', 'float16', or 'auto': float16 on CUDA, bfloat16 on a CPU with
    instructions for it, else float32. Results agree to a cosine of 0.999, so that the precision
    is no part of a model's identity."""

    threads: int = 0
    """CPU threads a model may use; 0 leaves the choice to the library."""

    photo_long_side_px: int = field(default=1024, metadata={"follows": True})
    """The long side to which larger photos were reduced before a model sees them; no setting of its
    own, `Settings` copies it from the images stage."""

    def __post_init__(self) -> None:
        """Check every range."""
        for name in ("detector_batch", "max_products", "extractor_batch"):
            _require(getattr(self, name) >= 1, f"{name} must be at least 1")
        for name in ("confidence", "best_confidence", "iou", "min_product_share"):
            _require(0.0 <= getattr(self, name) <= 1.0, f"{name} must be between 0 and 1")
        for name in ("detector_image_px", "crop_px"):
            _require(getattr(self, name) % 32 == 0, f"{name} must be a multiple of 32")
        _require(self.detector_image_px >= 0, "detector_image_px must not be negative")
        _require(self.crop_px > 0, "crop_px must be positive")
        _require(self.device in DEVICES, f"device must be one of {', '.join(DEVICES)}")
        _require(self.precision in PRECISIONS, f"precision must be one of {', '.join(PRECISIONS)}")
        _require(self.threads >= 0, "threads must not be negative")

    @property
    def digest_text(self) -> str:
        """What of the photos themselves goes into a model's identity: nothing at their usual size,
        so that this is the identity that it always had."""
        return "" if self.photo_long_side_px == 1024 else f":photos of {self.photo_long_side_px}"

    @property
    def sieve(self) -> Sieve:
        """Which of the detector's boxes are kept."""
        return Sieve(
            self.confidence,
            self.best_confidence,
            self.iou,
            self.max_products,
            self.min_product_share,
        )

    @property
    def onnx(self) -> OnnxSettings:
        """How the extractor is run where it is the path of an .onnx file."""
        return OnnxSettings(
            model=Path(self.extractor),
            crop_px=self.crop_px,
            batch=self.extractor_batch,
            threads=self.threads,
            device=self.device,
            digest_text=self.digest_text,
        )


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise SettingsError(f"vision settings: {message}")
