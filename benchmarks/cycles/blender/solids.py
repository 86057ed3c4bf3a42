"""Shapes, gathered by material before Blender sees them: one mesh for each, because objects by the thousand are slow."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from .materials import Paint, Painter

# Corners of a box by (x, y, z) bits, and its faces, seen from outside counter-clockwise.
_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
_SIDES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
_UPRIGHT = 0.7  # cosine to the vertical: flatter faces take their texture from above
_WAVES = 6  # of a lumpy ball


class Solids:
    """A scene's shapes in world metres; `at` moves what is added inside it.

    Texture coordinates are metres within each face: across and up on walls, x and y on floors.
    """

    def __init__(self, random: np.random.Generator) -> None:
        """Begin empty, with the lots that everything in the scene is drawn by."""
        self.random = random
        self._parts: dict[tuple[Paint, bool], list[tuple[np.ndarray, list[tuple[int, ...]]]]] = (
            defaultdict(list)
        )
        self._pose = np.eye(4)

    @contextmanager
    def at(
        self, x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw: float = 0.0, size: float = 1.0
    ) -> Iterator[None]:
        """Inside: coordinates are relative to a place (metres), turned by `yaw` (degrees, from above counter-clockwise)."""
        before, turn = self._pose, np.radians(yaw)
        pose = np.eye(4)
        pose[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
        pose[:3, :3] *= size
        pose[:3, 3] = x, y, z
        self._pose = before @ pose
        yield
        self._pose = before

    def faces(
        self, paint: Paint, corners: Sequence, sides: Sequence[Sequence[int]], smooth: bool = False
    ) -> None:
        """Any mesh: corners (N, 3), and for each face the corners' indices."""
        placed = np.asarray(corners, float) @ self._pose[:3, :3].T + self._pose[:3, 3]
        self._parts[paint, smooth].append((placed, [tuple(side) for side in sides]))

    def quad(self, paint: Paint, *corners: Sequence[float]) -> None:
        """One flat face with three or more corners."""
        self.faces(paint, corners, [range(len(corners))])

    def box(self, paint: Paint, low: Sequence[float], high: Sequence[float]) -> None:
        """An upright box between two corners."""
        low_corner, high_corner = np.minimum(low, high), np.maximum(low, high)
        self.faces(paint, low_corner + _CORNERS * (high_corner - low_corner), _SIDES)

    def prism(
        self, paint: Paint, outline: Sequence[Sequence[float]], left: float, right: float
    ) -> None:
        """An outline of (y, z) pairs drawn out along x from `left` to `right`."""
        count = len(outline)
        corners = [(x, y, z) for x in (left, right) for y, z in outline]
        around = [(i, (i + 1) % count, count + (i + 1) % count, count + i) for i in range(count)]
        self.faces(paint, corners, [*around, range(count), range(count, 2 * count)])

    def lathe(self, paint: Paint, profile: Sequence[Sequence[float]], sides: int = 20) -> None:
        """A profile of (radius, z) pairs, turned about the vertical through the origin."""
        angles = np.arange(sides) * 2 * np.pi / sides
        rings = [[(r * np.cos(a), r * np.sin(a), z) for a in angles] for r, z in profile]
        ring, faces = range(sides), []
        for level in range(len(profile) - 1):
            low, high = level * sides, (level + 1) * sides
            faces += [
                (low + i, low + (i + 1) % sides, high + (i + 1) % sides, high + i) for i in ring
            ]
        faces += [tuple(ring), tuple((len(profile) - 1) * sides + i for i in ring)]
        self.faces(paint, np.reshape(rings, (-1, 3)), faces, smooth=True)

    def rod(
        self,
        paint: Paint,
        start: Sequence[float],
        end: Sequence[float],
        thick: float,
        thin: float,
        sides=10,
    ) -> None:
        """A round bar between two points, of one radius at its start and another at its end."""
        start_point, way = np.asarray(start, float), np.subtract(end, start)
        first = np.cross(
            way, (0, 0, 1.0) if abs(way[2]) < _UPRIGHT * np.linalg.norm(way) else (1.0, 0, 0)
        )
        first /= np.linalg.norm(first)
        second = np.cross(way, first) / np.linalg.norm(way)
        angles = (np.arange(sides) * 2 * np.pi / sides)[:, None]
        ring = np.cos(angles) * first + np.sin(angles) * second
        corners = np.concatenate([start_point + thick * ring, start_point + way + thin * ring])
        around = [(i, (i + 1) % sides, sides + (i + 1) % sides, sides + i) for i in range(sides)]
        self.faces(paint, corners, around, smooth=True)
        self.faces(paint, corners, [range(sides), range(sides, 2 * sides)])

    def ball(
        self,
        paint: Paint,
        middle: Sequence[float],
        radii: Sequence[float],
        lumps: float = 0.0,
        detail: int = 12,
    ) -> None:
        """An ellipsoid; with lumps, its radii go up and down by this part of them."""
        theta, phi = np.meshgrid(
            np.linspace(0, np.pi, detail + 1), np.arange(2 * detail) * np.pi / detail, indexing="ij"
        )
        way = np.stack(
            [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1
        )
        waves, phases = (
            self.random.normal(0, 3.5, (_WAVES, 3)),
            self.random.uniform(0, 2 * np.pi, _WAVES),
        )
        swell = 1 + lumps * np.sin(way @ waves.T + phases).mean(axis=-1, keepdims=True) * np.sqrt(
            _WAVES
        )
        around = 2 * detail
        faces = [
            (
                row * around + i,
                (row + 1) * around + i,
                (row + 1) * around + (i + 1) % around,
                row * around + (i + 1) % around,
            )
            for row in range(detail)
            for i in range(around)
        ]
        self.faces(paint, (middle + way * swell * radii).reshape(-1, 3), faces, smooth=True)

    def build(self, painter: Painter) -> int:
        """Make Blender's meshes and give the number of faces."""
        import bpy

        total = 0
        for (paint, smooth), parts in self._parts.items():
            corners, faces, start = np.concatenate([part[0] for part in parts]), [], 0
            for part, sides in parts:
                faces += [tuple(start + i for i in side) for side in sides]
                start += len(part)
            mesh = bpy.data.meshes.new(paint.recipe)
            mesh.from_pydata(corners.tolist(), [], faces)
            mesh.uv_layers.new().data.foreach_set(
                "uv", _texture_metres(corners, faces).astype(np.float32).ravel()
            )
            mesh.polygons.foreach_set("use_smooth", np.full(len(faces), smooth))
            mesh.materials.append(painter.material(paint))
            bpy.context.scene.collection.objects.link(bpy.data.objects.new(paint.recipe, mesh))
            total += len(faces)
        return total


def _texture_metres(corners: np.ndarray, faces: list[tuple[int, ...]]) -> np.ndarray:
    """(L, 2) for every corner of every face, in order."""
    first = np.array([face[:3] for face in faces])
    normal = np.cross(
        corners[first[:, 1]] - corners[first[:, 0]], corners[first[:, 2]] - corners[first[:, 0]]
    )
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    level = np.abs(normal[:, 2]) > _UPRIGHT
    across = np.stack([-normal[:, 1], normal[:, 0], np.zeros(len(faces))], axis=-1)
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-12)
    across[level] = 1, 0, 0
    upward = np.where(level[:, None], (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    sizes = [len(face) for face in faces]
    points = corners[np.concatenate([np.asarray(face) for face in faces])]
    axes = np.stack([across, upward], axis=1).repeat(sizes, axis=0)
    return np.einsum("lij,lj->li", axes, points)
