"""When a worker's place is taken again."""

from __future__ import annotations

from serving.places import Place


def empty_seconds(place: Place, gone_at: float, *, deserted: bool) -> float:
    """How long it stays empty, to a tenth of a second."""
    tenths = (n / 10 for n in range(1000))
    return next(s for s in tenths if place.may_be_taken(gone_at + s + 0.01, deserted=deserted))


def test_who_dies_young_again_and_again_is_replaced_ever_later() -> None:
    place, now, seen = Place(), 1000.0, []
    for _ in range(11):
        place.take(7, now)
        assert not place.may_be_taken(now + 1000, deserted=True)  # it is not empty
        now += 1
        place.leave(now)
        seen.append(empty_seconds(place, now, deserted=False))
    assert seen == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]
    assert empty_seconds(place, now, deserted=True) == 1.0


def test_who_served_for_long_is_replaced_at_once() -> None:
    place = Place()
    for _ in range(5):
        place.take(7, 0.0)
        place.leave(1.0)
    place.take(8, 100.0)
    place.leave(200.0)
    assert empty_seconds(place, 200.0, deserted=False) == 0.1
