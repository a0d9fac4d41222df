"""A product in three dimensions: its meshes and materials, ready to be photographed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from feature_store.demo.geometry import Mesh, joined, rotation
from feature_store.demo.materials import Material


@dataclass(frozen=True)
class Model:
    """One product: parts with their materials, standing on the floor about the origin.

    `pose` says how it is photographed: `standing` on a floor or table, or `flat` on its back,
    seen from above.
    """

    parts: list[tuple[Mesh, Material]] = field(default_factory=list)
    pose: str = "standing"

    def add(self, material: Material, *meshes: Mesh) -> None:
        """Add meshes of one material."""
        self.parts.append((joined(meshes) if len(meshes) > 1 else meshes[0], material))

    def add_pair(self, material: Material, *meshes: Mesh) -> None:
        """Add meshes and their mirror images across x = 0."""
        self.add(material, *meshes, *(mesh.scaled(-1, 1, 1) for mesh in meshes))

    def points(self) -> NDArray[np.float32]:
        """All vertices (n, 3)."""
        return np.concatenate([mesh.vertices for mesh, _ in self.parts])

    def placed(
        self,
        *,
        turn: float = 0.0,
        tip: float = 0.0,
        x: float = 0.0,
        z: float = 0.0,
        scale: float = 1.0,
    ) -> Model:
        """Turned about y (degrees), tipped about x, scaled, dropped on the floor at (x, z)."""
        matrix = rotation("x", tip) @ rotation("y", turn)
        points = self.points() @ matrix.T * scale
        low, high = points.min(axis=0), points.max(axis=0)
        shift = np.array([x - (low[0] + high[0]) / 2, -low[1], z - (low[2] + high[2]) / 2])
        parts = []
        for mesh, material in self.parts:
            vertices = (mesh.vertices @ matrix.T * scale + shift).astype(np.float32)
            normals = (mesh.normals @ matrix.T).astype(np.float32)
            parts.append(
                (
                    Mesh(vertices, normals, mesh.uvs * scale, mesh.tints, mesh.triangles),
                    material if scale == 1.0 else _resized(material, scale),
                )
            )
        return Model(parts, self.pose)


def _resized(material: Material, scale: float) -> Material:
    u, v = material.shift
    return material.but(
        repeat=material.repeat * scale, shift=(u * scale, v * scale),
        bump_size=material.bump_size * scale, bump_depth=material.bump_depth * scale,
        crease_size=material.crease_size * scale, crease_depth=material.crease_depth * scale,
    )  # fmt: skip
