"""What must hold of a batch, rule by rule: its columns, items, features, images and totals."""

from __future__ import annotations

from typing import Any

from feature_store.quality.rules import Rule, between, total
from feature_store.quality.settings import QualitySettings

AGAIN = "Delete the day's folder under staging and run it again."
FIX_EXTRACTOR = "Look at the extractor and at the images of these items, then run the day again."


def _each(frame: str, name: str, limits: dict[str, Any], complaint: str, remedy: str) -> Rule:
    low, high = limits["min_value"], limits["max_value"]
    words = f"{limits['column']} = {low:g}" if low == high else f"{low:g} to {high:g}"
    kind = "ExpectColumnValuesToBeBetween"
    return Rule(name, frame, kind, limits, words, complaint, remedy)


def column_rules() -> list[Rule]:
    """Return what must hold of each column of the schemas."""
    return [
        _each("columns", f"columns {column}", between(column, 1, 1), complaint, AGAIN)
        for column, complaint in (
            ("present", "columns are missing"),
            ("typed", "columns are of another type than the schema's"),
            ("filled", "columns that need a value in every row have nulls"),
        )
    ]


def item_rules() -> list[Rule]:
    """Return what must hold of each item."""
    return [
        _each("items", "items unique", between("copies", 1, 1), "items are there twice", AGAIN),
    ]


def feature_rules(settings: QualitySettings) -> list[Rule]:
    """Return what must hold of each feature."""
    error = settings.max_norm_error

    def rule(name: str, limits: dict[str, Any], complaint: str, remedy: str) -> Rule:
        return _each("features", name, limits, complaint, remedy)

    return [
        rule("features unique", between("copies", 1, 1), "features share a key", AGAIN),
        rule(
            "stale extractor",
            between("in_use", 1, 1),
            "features are of an extractor that is not in use",
            "They were made by another model or version than the rest: " + AGAIN,
        ),
        rule(
            "vector length",
            between("measured", 1, 1),
            "vectors do not have their extractor's length",
            "Vectors of two extractors are mixed: " + AGAIN,
        ),
        rule(
            "vector length said",
            between("said", 1, 1),
            "features say another 'dim' than their extractor's",
            "Vectors of two extractors are mixed: " + AGAIN,
        ),
        rule("vectors finite", between("finite", 1, 1), "vectors hold NaN or inf", FIX_EXTRACTOR),
        rule(
            "vector norm",
            between("norm", 1 - error, 1 + error),
            "vectors do not have the norm 1",
            "Zero or unscaled vectors spoil an index. " + FIX_EXTRACTOR,
        ),
        rule(
            "boxes",
            between("boxed", 1, 1),
            "boxes are out of order, outside 0..1, or not what their kind says",
            "Look at the detector's boxes for these items, then run the day again.",
        ),
        rule(
            "region ids",
            between("named", 1, 1),
            "features do not belong to the image and box that they are named for",
            "Rows were swapped: " + AGAIN,
        ),
    ]


def image_rules() -> list[Rule]:
    """Return what must hold of each image."""
    return [
        _each("images", name, between(column, 1, 1), complaint, AGAIN)
        for name, column, complaint in (
            (
                "ledger complete",
                "listed",
                "images of changed items are not in the ledger exactly once, or it lists others",
            ),
            (
                "ledger reasons",
                "reasoned",
                "ledger rows have a status or a reason out of the closed lists",
            ),
            (
                "whole images",
                "seen",
                "indexed images lack their whole-image feature, or failed ones have features",
            ),
            ("regions counted", "counted", "images have not the regions that the ledger says"),
            (
                "image ids",
                "same",
                "images of the ledger have features of another image",
            ),
        )
    ]


def planned_rules() -> list[Rule]:
    """Return what must hold of a batch that was planned: nothing is lost on the way."""
    return [
        total(
            f"{name} as planned",
            between(f"{column}_difference", 0, 0),
            "as many as the plan found",
            f"the batch has {{{column}_found}} {words}, the plan {{{column}_planned}}",
            AGAIN,
        )
        for name, column, words in (
            ("items", "items", "changed items"),
            ("images", "images", "images"),
            ("deletions", "deleted", "deleted items"),
            ("rejections", "rejected", "rejected catalogue rows"),
        )
    ]


def total_rules(totals: dict[str, Any], settings: QualitySettings) -> list[Rule]:
    """Return what must hold of the batch as a whole; `totals` are its figures."""
    needed = float(totals["needed_share"])
    return [
        total(
            "images indexed",
            between("indexed_share", needed - 1e-9),
            f"at least {needed:.4g} of the images indexed",
            "{failed_images} of {images} images could not be used ({reasons}){failures}",
            "'nitamono ledger --day' with this day lists them all; if the shop's host was down, "
            "run the day again; if the photos are gone for good, lower "
            "NITAMONO_QUALITY_MIN_INDEXED_SHARE for this run.",
        ),
        total(
            "photos kept",
            between("lost", None, totals["lost_limit"]),
            f"at most {totals['lost_limit']} photos of unchanged items broken",
            "{lost} photos of unchanged items could be used before and cannot any more "
            "({lost_reasons}){lost_images}",
            "If the shop's host answers something else than photos, run the day again when it is "
            "well; if they are really gone, lower NITAMONO_QUALITY_MIN_INDEXED_SHARE for this run.",
        ),
        total(
            "catalogue rows valid",
            between("invalid_share", None, settings.max_invalid_row_share),
            f"at most {settings.max_invalid_row_share:g} of the catalogue's rows rejected",
            "{invalid} of about {rows} catalogue rows could not be used{rejections}",
            "'nitamono catalogue check' shows them; mend them, or raise "
            "NITAMONO_QUALITY_MAX_INVALID_ROW_SHARE for this run.",
        ),
        total(
            "items deleted",
            between("deleted_share", None, settings.max_deleted_share),
            f"at most {settings.max_deleted_share:g} of the live items deleted",
            "{deleted} of {previous} live items are not in the catalogue any more",
            "Is the catalogue whole? If they are really gone, raise "
            "NITAMONO_QUALITY_MAX_DELETED_SHARE for this run.",
        ),
        distinct_rule(settings),
    ]


def distinct_rule(settings: QualitySettings) -> Rule:
    """Return what must hold of the distinct vectors among `distinct_share` of the totals."""
    return total(
        "vectors distinct",
        between("distinct_share", settings.min_distinct_vector_share),
        f"at least {settings.min_distinct_vector_share:g} of the regions' vectors distinct",
        "{distinct_share:.4f} of the distinct regions have a vector of their own",
        "The extractor describes different things alike: look at its weights.",
    )
