"""A shop whose bundles are in a bucket: the machine that publishes, and the one that serves."""

from __future__ import annotations

from pathlib import Path

import httpx

from feature_store.bundle import RemoteRegistry
from feature_store.bundle.tier import tiers_folder
from feature_store.bundle.tiers import TierShelf
from feature_store.bundle.tiers_remote import RemoteTiers
from feature_store.storage import Bucket
from tests.serving.service_process import ServiceProcess, until
from tests.serving.shop_bundle import PLAIN, build_shop
from tests.serving.shop_tier import build_tier
from tests.serving.test_state import samples


class BucketShop:
    """The machine that builds and publishes, and the folder of the one that serves."""

    def __init__(self, bucket: str, folder: Path) -> None:
        self.bucket = Bucket(bucket)
        self.location = f"gs://{bucket}/bundles"
        self.built = folder / "pipeline"
        self.home = folder / "service"
        self.home.mkdir()
        self.mirror = folder / "mirror"
        self.registry = RemoteRegistry(self.location, self.built / "bundles")

    def build(self, bundle_id: str, *, without: str | None = None) -> None:
        if not (self.built / "bundles" / bundle_id).exists():
            build_shop(self.built, bundle_id, without=without)

    def publish(self, bundle_id: str, *, without: str | None = None) -> None:
        self.build(bundle_id, without=without)
        self.registry.publish(bundle_id)

    def refresh(self, bundle_id: str, *, gone: list[str]) -> str:
        """Have another tier of a bundle served, out of the bucket; return its name."""
        tier = build_tier(self.built, bundle_id, gone=gone)
        bundles = self.built / "bundles"
        remote = RemoteTiers(self.location)
        remote.send(tiers_folder(bundles, bundle_id) / tier, bundle_id)
        pointer = TierShelf(bundles).pointer(bundle_id)
        assert pointer is not None
        remote.point_at(bundle_id, pointer)
        return tier

    def damage(self, name: str) -> None:
        name = f"bundles/{name}"
        data, generation = self.bucket.read(name, 1 << 30)
        self.bucket.write(name, data[:-1] + bytes([data[-1] ^ 1]), if_generation=generation)

    def point_at(self, bundle_id: str) -> None:
        """As nobody would who goes through the registry."""
        about = self.bucket.about("bundles/CURRENT")
        self.bucket.write("bundles/CURRENT", bundle_id.encode(), if_generation=about.generation)

    def serve(self, **settings: object) -> ServiceProcess:
        given = {"bundles": self.location, "mirror": self.mirror, "poll_seconds": 0.1}
        return ServiceProcess(self.home, **{**given, **settings})

    @property
    def mirrored(self) -> set[str]:
        [folder] = self.mirror.iterdir()
        return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def ask(service: ServiceProcess, path: str = f"/v1/items/{PLAIN}/similar") -> httpx.Response:
    return httpx.get(service.address + path, trust_env=False, timeout=10)


def state(service: ServiceProcess) -> dict[str, object]:
    said: dict[str, object] = ask(service, "/readyz").json()
    return said


def refused(service: ServiceProcess, kind: str = "refused") -> dict[str, str]:
    """What is refused, once something is."""
    until(lambda: state(service)[kind])
    found = state(service)[kind]
    assert isinstance(found, dict)
    return found


def counted(service: ServiceProcess, name: str) -> float:
    with httpx.Client(base_url=service.address, trust_env=False) as client:
        return samples(client)[(name,)]
