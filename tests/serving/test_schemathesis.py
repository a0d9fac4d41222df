"""Schemathesis asks a running service whatever its own description allows, and what it forbids."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from serving.openapi import openapi_document
from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import NAMELESS, PLAIN

load_all_checks()
# What a filter may name is the bundle's to say, not the description's: so not all that fits the
# description is accepted.
OF_THE_BUNDLE = {"positive_data_acceptance"}
CHECKED = [check for check in CHECKS.get_all() if check.__name__ not in OF_THE_BUNDLE]
DESCRIBED = openapi_document()["paths"]
ALLOWED = [(path, method) for path, methods in DESCRIBED.items() for method in methods]
FORBIDDEN = [
    *(("/v1/items/{item_id}/similar", method) for method in ("get", "head")),
    *((path, "post") for path in ("/v1/search", "/v1/search/image", "/v1/events")),
]
"""What can be asked in a way that the description forbids."""
bounded = settings(
    max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def described(service: ServiceProcess) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{service.address}/openapi.json")


def hold(case: schemathesis.Case) -> None:
    with requests.Session() as session:
        session.trust_env = False
        case.call_and_validate(session=session, checks=CHECKED)


def asked(
    described: schemathesis.BaseSchema, path: str, method: str, mode: GenerationMode
) -> Callable[[], None]:
    operation = described[path][method.upper()]
    return bounded(given(case=operation.as_strategy(generation_mode=mode))(hold))


@pytest.mark.parametrize(("path", "method"), ALLOWED)
def test_what_is_allowed(described: schemathesis.BaseSchema, path: str, method: str) -> None:
    asked(described, path, method, GenerationMode.POSITIVE)()


@pytest.mark.parametrize(("path", "method"), FORBIDDEN)
def test_what_is_forbidden(described: schemathesis.BaseSchema, path: str, method: str) -> None:
    asked(described, path, method, GenerationMode.NEGATIVE)()


def test_items_that_there_are_by_attributes_that_there_are(
    described: schemathesis.BaseSchema,
) -> None:
    operation = described["/v1/items/{item_id}/similar"]["GET"]
    filters = st.sampled_from(["category:shoes,bags", "price:100..3000", "in_stock:true"])
    at_most = st.sampled_from(["brand:1", "category:2", "price:1"])

    @bounded
    @given(
        case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        item_id=st.sampled_from([PLAIN, NAMELESS]),
        filters=st.lists(filters, max_size=3),
        at_most=st.lists(at_most, max_size=2),
        facets=st.sampled_from([None, "category", "price,brand,colour"]),
    )
    def ask(
        case: schemathesis.Case,
        item_id: str,
        filters: list[str],
        at_most: list[str],
        facets: str | None,
    ) -> None:
        case.path_parameters["item_id"] = item_id
        given = {"filter": filters, "at_most": at_most, "facets": facets}
        case.query = {
            name: value
            for name, value in {**(case.query or {}), **given, "region": None}.items()
            if value
        }
        hold(case)

    ask()
