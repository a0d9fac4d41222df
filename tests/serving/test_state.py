"""Health, readiness, what is served, and what has been counted by all workers together."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import PLAIN


def samples(client: httpx.Client) -> dict[tuple[str, ...], float]:
    """Each sample of /metrics, by its name and its labels' values."""
    text = client.get("/metrics").text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def summed(shown: dict[tuple[str, ...], float], name: str, *labels: str) -> float:
    """The sum of all samples of this name that have these values among their labels'."""
    return sum(
        value for key, value in shown.items() if key[0] == name and set(labels) <= set(key[1:])
    )


def test_it_lives_and_is_ready(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {
        "ready": True,
        "bundle": "shop-1",
        "tier": None,
        "canary": None,
        "refused": None,
        "canary_refused": None,
        "tier_refused": None,
    }


def test_it_says_what_it_serves(client: httpx.Client) -> None:
    bundle = client.get("/v1/bundle").json()
    assert bundle["bundle"] == "shop-1"
    assert bundle["counts"]["items"] == 63
    assert bundle["recall_at_10"] == 1.0
    assert bundle["gate_passed"] is True
    assert (bundle["tier"], bundle["canary"], bundle["segmented_by"]) == (None, None, None)
    assert bundle["parts"] == [{"extractor": "random@000000000000", "weight": 1.0}]
    assert [one["method"] for one in bundle["segments"]] == ["exact"]
    assert {"category", "price", "in_stock", "colour"} <= set(bundle["filters"])


def test_requests_of_all_workers_are_counted_together(service: ServiceProcess) -> None:
    name = ("nitamono_requests_total", "similar", "200")
    with httpx.Client(base_url=service.address, trust_env=False) as client:
        before = samples(client).get(name, 0)
    # A connection each: they land on either worker.
    for _ in range(40):
        httpx.get(f"{service.address}/v1/items/{PLAIN}/similar", trust_env=False)
    for _ in range(6):
        with httpx.Client(base_url=service.address, trust_env=False) as client:
            assert samples(client)[name] == before + 40


def test_each_kind_of_answer_is_counted(client: httpx.Client) -> None:
    before = samples(client)
    client.get(f"/v1/items/{PLAIN}/similar?threshold=100")
    client.get(f"/v1/items/{PLAIN}/similar?limit=0")
    client.get("/v1/items/unknown/similar")
    client.get(f"/v1/items/{PLAIN}/similar?limit=3")
    after = samples(client)

    def grown(*name: str) -> float:
        return summed(after, *name) - summed(before, *name)

    assert grown("nitamono_requests_total", "similar", "400") == 1
    assert grown("nitamono_requests_total", "similar", "404") == 1
    assert grown("nitamono_answers_total", "live") == 2
    assert grown("nitamono_empty_answers_total", "live") == 1
    assert grown("nitamono_hits_total", "live") == 3
    assert grown("nitamono_request_seconds_count", "similar") == 4
    assert grown("nitamono_request_seconds_bucket", "+Inf", "similar") == 4
    assert after[("nitamono_bundle_info", "shop-1", "live")] == 1
    assert after[("nitamono_bundle_items",)] == 63
    assert grown("nitamono_answers_total", "canary") == 0
    for refused in ("bundle", "canary", "tier"):
        assert after[(f"nitamono_{refused}_refused",)] == 0
    assert after[("nitamono_canary_share",)] == 0


def test_no_item_becomes_a_label(client: httpx.Client) -> None:
    client.get("/v1/items/some-item-that-nobody-has")
    client.get("/some-path-that-is-no-route")
    text = client.get("/metrics").text
    assert "some-" not in text
    assert PLAIN not in text
