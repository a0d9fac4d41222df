"""Meshes: their normals look outwards, their cloth is laid in metres, their moves are moves."""

from __future__ import annotations

import numpy as np
import pytest

from feature_store.demo.geometry import Mesh, curve, lathe, loft, tube
from feature_store.demo.solids import ball, box, rounded_ring


def outward_share(mesh: Mesh) -> float:
    """Share of vertices whose normal looks away from the mesh's middle."""
    middle = mesh.vertices.mean(axis=0)
    return float((np.einsum("ij,ij->i", mesh.vertices - middle, mesh.normals) > 0).mean())


@pytest.mark.parametrize(
    "mesh",
    [
        ball(1.0),
        box(1.0, 0.5, 0.7, corner=0.1, edge=0.05),
        tube([(0, 0, 0), (0, 1, 0)], 0.1),
        lathe([(0.5, 0.0), (0.5, 1.0)]),
    ],
    ids=["ball", "box", "tube", "lathe"],
)
def test_normals_are_unit_and_look_outwards(mesh: Mesh) -> None:
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1.0, atol=1e-4)
    assert outward_share(mesh) > 0.95


def test_a_box_has_its_size() -> None:
    mesh = box(1.0, 0.5, 0.7, corner=0.1, edge=0.05)
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), [1.0, 0.5, 0.7], atol=0.01)
    assert mesh.vertices[:, 1].min() == pytest.approx(0.0)


def test_a_rounded_ring_goes_once_around() -> None:
    ring = rounded_ring(2.0, 1.0, 0.2, 60)
    length = np.linalg.norm(np.roll(ring, -1, axis=0) - ring, axis=1).sum()
    assert length == pytest.approx(2 * (1.6 + 0.6) + 2 * np.pi * 0.2, rel=0.01)


def test_cloth_is_laid_in_metres_and_closes_at_the_back() -> None:
    mesh = lathe([(0.5, 0.0), (0.5, 1.0)], 64)
    assert np.ptp(mesh.uvs[:, 0]) == pytest.approx(2 * np.pi * 0.5, rel=0.01)
    assert np.ptp(mesh.uvs[:, 1]) == pytest.approx(1.0)
    front = mesh.vertices[np.abs(mesh.uvs[:, 0]) < 1e-3]
    assert (front[:, 2] > 0.49).all()


def test_hanging_cloth_lies_level_on_bent_rings() -> None:
    angle = np.linspace(1.5 * np.pi, -0.5 * np.pi, 24, endpoint=False)
    rings = np.stack(
        [[np.cos(a), y - 0.2 * np.sin(a), np.sin(a)] for y in (0.0, 1.0) for a in angle]
    )
    mesh = loft(rings.reshape(2, 24, 3), hanging=True)
    np.testing.assert_allclose(mesh.uvs[:, 1], mesh.vertices[:, 1], atol=1e-6)


def test_turning_a_quarter_brings_the_front_to_the_right() -> None:
    mesh = tube([(0, 0, 0), (0, 0, 1)], 0.01).turned("y", 90)
    assert mesh.vertices[:, 0].max() == pytest.approx(1.0, abs=1e-5)


def test_a_curve_passes_through_its_points() -> None:
    points = np.array([(0, 0), (1, 2), (3, 1)], float)
    path = curve(points, 201)
    for point in points:
        assert np.linalg.norm(path - point, axis=1).min() < 0.02
