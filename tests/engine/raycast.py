"""Ground truth: textured planes and boxes seen by a known camera, with exact depth. NumPy alone, a few milliseconds."""

from dataclasses import dataclass, field

import numpy as np

from engine.camera import View
from engine.geometry import LOOK_ALONG_Y, pose, rotation_about

SKY = -1


@dataclass(frozen=True)
class Wall:
    """A bounded plane: points `corner + s * u + t * v` with 0 <= s <= width, 0 <= t <= height, metres."""

    corner: tuple[float, float, float]
    u: tuple[float, float, float]  # unit
    v: tuple[float, float, float]  # unit, at right angles to u
    width: float
    height: float
    texture: str  # "facade", "paving" or "plain"
    colour: tuple[float, float, float]  # sRGB-encoded


@dataclass(frozen=True, eq=False)
class Picture:
    """What the camera sees and what is true of it."""

    view: View
    colours: np.ndarray = field(repr=False)  # (H, W, 3) float32, sRGB-encoded
    depth: np.ndarray = field(repr=False)  # (H, W) planar metres, inf in the sky
    surface: np.ndarray = field(repr=False)  # (H, W) index into the walls, SKY where none


def camera(width=640, height=480, focal=500.0, pitch=0.0, roll=0.0, yaw=0.0, eye=1.6) -> View:
    """A view over the origin; degrees."""
    p, r, y = np.radians([pitch, roll, yaw])
    turn = rotation_about(np.array([0, 0, 1.0]), y) @ rotation_about(np.array([1.0, 0, 0]), p)
    rotation = turn @ LOOK_ALONG_Y @ rotation_about(np.array([0, 0, 1.0]), r)
    return View(
        focal, focal, width / 2, height / 2, width, height, pose(rotation, np.array([0, 0, eye]))
    )


def street(half=6.0, length=60.0, tall=9.0) -> list[Wall]:
    """A street along +Y between two rows of houses, closed by a third."""
    return [
        Wall((-200, -50, 0), (1, 0, 0), (0, 1, 0), 400, 400, "paving", (0.45, 0.43, 0.40)),
        Wall((-half, -5, 0), (0, 1, 0), (0, 0, 1), length + 5, tall, "facade", (0.72, 0.55, 0.42)),
        Wall(
            (half, -5, 0),
            (0, 1, 0),
            (0, 0, 1),
            length + 5,
            tall * 0.8,
            "facade",
            (0.60, 0.30, 0.25),
        ),
        Wall(
            (-half, length, 0),
            (1, 0, 0),
            (0, 0, 1),
            2 * half,
            tall * 1.2,
            "facade",
            (0.66, 0.62, 0.52),
        ),
    ]


def front(distance=14.0, tall=8.0) -> list[Wall]:
    """One house across the view."""
    return [
        Wall((-200, -50, 0), (1, 0, 0), (0, 1, 0), 400, 400, "paving", (0.40, 0.42, 0.38)),
        Wall((-12, distance, 0), (1, 0, 0), (0, 0, 1), 24, tall, "facade", (0.75, 0.58, 0.45)),
    ]


def room(half=2.0, depth=4.5, tall=2.6) -> list[Wall]:
    """A room seen from inside: floor, ceiling, left, right and back wall."""
    return [
        Wall(
            (-half, -3, 0), (1, 0, 0), (0, 1, 0), 2 * half, depth + 3, "paving", (0.42, 0.30, 0.20)
        ),
        Wall(
            (-half, -3, tall),
            (1, 0, 0),
            (0, 1, 0),
            2 * half,
            depth + 3,
            "plain",
            (0.80, 0.78, 0.72),
        ),
        Wall((-half, -3, 0), (0, 1, 0), (0, 0, 1), depth + 3, tall, "facade", (0.70, 0.62, 0.50)),
        Wall((half, -3, 0), (0, 1, 0), (0, 0, 1), depth + 3, tall, "facade", (0.62, 0.58, 0.48)),
        Wall((-half, depth, 0), (1, 0, 0), (0, 0, 1), 2 * half, tall, "facade", (0.74, 0.68, 0.56)),
    ]


def shoot(walls: list[Wall], view: View, samples: int = 2) -> Picture:
    """Render: colours from `samples` x `samples` rays a pixel, depth and surface from the middle one."""
    fine = view.resized(view.width * samples, view.height * samples)
    colours = _colours(walls, fine, *_hit(walls, fine))
    colours = colours.reshape(view.height, samples, view.width, samples, 3).mean(axis=(1, 3))
    depth, surface, _ = _hit(walls, view)
    return Picture(view, colours.astype(np.float32), depth, surface)


def _hit(walls: list[Wall], view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth (H, W), wall index (H, W) and position on the wall (H, W, 2), metres."""
    rays = view.rays() @ view.world_from_camera[:3, :3].T
    depth = np.full(rays.shape[:2], np.inf)
    surface = np.full(rays.shape[:2], SKY)
    place = np.zeros((*rays.shape[:2], 2))
    for index, wall in enumerate(walls):
        u, v, corner = (
            np.array(wall.u, float),
            np.array(wall.v, float),
            np.array(wall.corner, float),
        )
        normal = np.cross(u, v)
        with np.errstate(divide="ignore", invalid="ignore"):
            along = (corner - view.position) @ normal / (rays @ normal)
            offset = rays * along[..., None] + view.position - corner
            s, t = offset @ u, offset @ v
            seen = (
                (along > 0)
                & (along < depth)
                & (s >= 0)
                & (s <= wall.width)
                & (t >= 0)
                & (t <= wall.height)
            )
        depth[seen], surface[seen], place[seen] = (
            along[seen],
            index,
            np.stack([s, t], axis=-1)[seen],
        )
    return depth, surface, place


def _colours(
    walls: list[Wall], view: View, depth: np.ndarray, surface: np.ndarray, place: np.ndarray
) -> np.ndarray:
    """(H, W, 3): each wall's texture, a clear sky behind."""
    up = (view.rays() @ view.world_from_camera[:3, :3].T)[..., 2]
    colours = np.array([0.55, 0.72, 0.95]) + np.clip(0.4 - up, 0, 0.4)[..., None] * np.array(
        [0.6, 0.4, 0.1]
    )
    for index, wall in enumerate(walls):
        seen = surface == index
        s, t = place[seen].T
        colours[seen] = np.array(wall.colour) * _TEXTURES[wall.texture](s, t)[:, None]
    return np.clip(colours, 0, 1)


def _facade(s: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Windows 1.2 by 1.5 m every 3 m, with a light frame, and a string course at each floor."""
    x, y = np.abs(s % 3.0 - 1.5), np.abs(t % 3.0 - 1.6)
    frame, glass = (x < 0.75) & (y < 0.9), (x < 0.6) & (y < 0.75)
    course = (t % 3.0) < 0.12
    return np.where(glass, 0.25, np.where(frame, 1.25, np.where(course, 0.7, 1.0))) * _noise(
        s, t, 0.06
    )


def _paving(s: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Slabs of one metre with dark joints, no two alike."""
    joint = (s % 1.0 < 0.05) | (t % 1.0 < 0.05)
    return np.where(joint, 0.6, _noise(np.floor(s) * 8, np.floor(t) * 8, 0.12)) * _noise(s, t, 0.08)


def _plain(s: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Paint."""
    return _noise(s, t, 0.01)


def _noise(s: np.ndarray, t: np.ndarray, strength: float) -> np.ndarray:
    """Random brightness about 1, the same for the same eighth of a metre."""
    cell = np.floor(s * 8) * 127.1 + np.floor(t * 8) * 311.7
    return 1 + strength * (2 * (np.sin(cell) * 43758.5453 % 1.0) - 1)


_TEXTURES = {"facade": _facade, "paving": _paving, "plain": _plain}
