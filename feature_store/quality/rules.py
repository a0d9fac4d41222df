"""Rules held against data frames by Great Expectations, and what to tell a person about them."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from feature_store.quality.report import Check

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = 3


@dataclass(frozen=True)
class Rule:
    """One expectation on one frame.

    `expectation` and `arguments` are Great Expectations' own. `complaint` says what is wrong with
    rows that break the rule ("features have a norm other than 1"); in a frame of totals, which has
    one row, it is the whole sentence, formatted with that row. `remedy` says what to do.

    `each`: every row that breaks the rule is a check of its own, named by the row's `example`. Its
    columns `observed`, `expected` and `said` say what was found and what should have been.
    """

    name: str
    frame: str
    expectation: str
    arguments: Mapping[str, Any]
    expected: str
    complaint: str
    remedy: str
    each: bool = False


def between(column: str, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    """Return the arguments of an expectation that numbers lie between two limits, included."""
    return {"column": column, "min_value": low, "max_value": high}


def total(name: str, limits: Mapping[str, Any], expected: str, complaint: str, remedy: str) -> Rule:
    """Make a rule on one number of the frame `totals`."""
    kind = "ExpectColumnValuesToBeBetween"
    return Rule(name, "totals", kind, limits, expected, complaint, remedy)


def hold_against(rules: Sequence[Rule], frames: Mapping[str, pd.DataFrame]) -> tuple[Check, ...]:
    """Hold every rule against its frame: one check or more for each, in the order of the rules.

    A frame's column `example` names each row to a person; the frame `totals` has one row.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the library does inside is not ours to mend
        context = _context()
        found: dict[str, list[Check]] = {}
        for name, frame in frames.items():
            of_frame = [rule for rule in rules if rule.frame == name]
            for rule, result in zip(of_frame, _validate(context, of_frame, frame), strict=True):
                checks = _each(rule, result, frame) if rule.each else []
                found[rule.name] = checks or [_check(rule, result, frame)]
    return tuple(check for rule in rules for check in found[rule.name])


def _context() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    # Its loggers set levels of their own; what a gate finds is in the report anyway.
    logging.getLogger("great_expectations").propagate = False
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
    )

    nothing_on_disk = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults())
    context = gx.get_context(mode="ephemeral", project_config=nothing_on_disk)
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return context


def _validate(context: Any, rules: Sequence[Rule], frame: pd.DataFrame) -> list[Any]:
    if not rules:
        return []
    import great_expectations as gx
    import great_expectations.expectations as gxe

    source = context.data_sources.add_pandas(name=f"frame {rules[0].frame}")
    whole = source.add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")
    suite = gx.ExpectationSuite(
        name=rules[0].frame,
        expectations=[
            getattr(gxe, rule.expectation)(**rule.arguments, meta={"rule": rule.name})
            for rule in rules
        ],
    )
    result = whole.get_batch({"dataframe": frame}).validate(
        suite,
        result_format={
            "result_format": "SUMMARY",
            "partial_unexpected_count": len(frame) if rules[0].each else 20,
            "unexpected_index_column_names": ["example"],
        },
    )
    by_rule = {one.expectation_config.meta["rule"]: one for one in result.results}
    return [by_rule[rule.name] for rule in rules]


def _check(rule: Rule, result: Any, frame: pd.DataFrame) -> Check:
    # Great Expectations passes over missing values; here a missing number is a failure.
    missing = result.result.get("missing_count") or 0
    failed = not result.success or missing > 0
    if rule.frame == "totals":
        totals: dict[str, Any] = dict(frame.iloc[0])
        observed = float(totals[rule.arguments["column"]])
        said = rule.complaint.format(**totals)
        detail = f"{said}; expected: {rule.expected}"
        return _verdict(rule, failed, observed, detail)
    count = int(result.result.get("unexpected_count", 0)) + int(missing)
    rows = result.result.get("partial_unexpected_index_list") or []
    examples = shown(list(dict.fromkeys(str(row["example"]) for row in rows)))
    detail = f"{count} of {len(frame)} {rule.complaint}, such as {examples}"
    if not failed:
        detail = f"all {len(frame)} rows as expected: {rule.expected}"
    return _verdict(rule, failed, float(count), detail)


def _each(rule: Rule, result: Any, frame: pd.DataFrame) -> list[Check]:
    """Return a failed check for every row that breaks the rule."""
    rows = result.result.get("partial_unexpected_index_list") or []
    broken = {str(row["example"]) for row in rows}
    return [
        Check(
            row["example"],
            False,
            round(float(row["observed"]), 6),
            row["expected"],
            f"{row['example']}: {row['said']}. {rule.remedy}",
        )
        for row in frame.to_dict("records")
        if row["example"] in broken
    ]


def _verdict(rule: Rule, failed: bool, observed: float, detail: str) -> Check:
    message = f"{rule.name}: {detail}. {rule.remedy}" if failed else f"{rule.name}: {detail}"
    seen = observed if math.isfinite(observed) else -1.0
    return Check(rule.name, not failed, round(seen, 6), rule.expected, message)


def shown(examples: Sequence[str]) -> str:
    """List the first few examples, quoted, long ones cut short."""
    quoted = [repr(text if len(text) <= 60 else f"{text[:57]}...") for text in examples[:EXAMPLES]]
    return ", ".join(quoted) or "none at hand"
