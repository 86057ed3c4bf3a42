"""What stands about outdoors: cars, people, trees, shrubs, lamps, benches, bins, posts. Each in its own frame, on z = 0."""

import numpy as np

from .materials import Paint
from .solids import Solids

_PAINTWORK = (
    (0.35, 0.02, 0.02),
    (0.02, 0.05, 0.16),
    (0.55, 0.56, 0.57),
    (0.04, 0.04, 0.045),
    (0.62, 0.62, 0.58),
    (0.05, 0.13, 0.09),
)
_GARMENTS = (
    (0.05, 0.07, 0.14),
    (0.30, 0.05, 0.05),
    (0.10, 0.10, 0.11),
    (0.45, 0.40, 0.30),
    (0.07, 0.20, 0.16),
    (0.5, 0.5, 0.52),
)
_SKIN = ((0.55, 0.33, 0.24), (0.32, 0.17, 0.11), (0.62, 0.42, 0.33))
_HAIR = ((0.03, 0.02, 0.015), (0.12, 0.06, 0.03), (0.30, 0.22, 0.13))
_GREENS = ((0.07, 0.14, 0.03), (0.10, 0.16, 0.04), (0.05, 0.11, 0.04))
_TYRE, _PANE, _CHROME = (
    Paint("plain", (0.02, 0.02, 0.02)),
    Paint("glass", (0.02, 0.025, 0.03)),
    Paint("metal", (0.5, 0.5, 0.5)),
)
_IRON, _TIMBER, _STONE = (
    Paint("metal", (0.03, 0.035, 0.03)),
    Paint("wood", (0.20, 0.11, 0.05)),
    Paint("plain", (0.4, 0.38, 0.34)),
)
_LEAF = 0.075  # of the radius of the mass that it grows on
_LAMP_GLASS = Paint("gloss", (0.7, 0.68, 0.6))


def _one(solids: Solids, choices: tuple) -> tuple:
    return choices[solids.random.integers(len(choices))]


def car(solids: Solids) -> None:
    """A saloon or an estate 4.3 m long along y, 1.8 m wide."""
    paint = Paint("gloss", _one(solids, _PAINTWORK))
    estate = solids.random.random() < 0.5
    tail = [(-2.1, 0.95), (-2.0, 1.0)] if estate else [(-2.1, 0.85), (-1.5, 0.95)]
    body = [(-2.1, 0.35), (2.1, 0.35), (2.15, 0.65), (1.9, 0.80), (0.95, 0.93), *reversed(tail)]
    solids.prism(paint, body, -0.88, 0.88)
    rear = (-1.95, 1.0) if estate else (-1.45, 0.95)
    cabin = [rear, (0.95, 0.93), (0.25, 1.42), (-0.4, 1.46), (rear[0] + 0.35, 1.42)]
    solids.prism(paint, cabin, -0.74, 0.74)
    panes = [(rear[0] + 0.3, 1.02), (0.72, 1.0), (0.2, 1.36), (rear[0] + 0.5, 1.36)]
    solids.prism(_PANE, panes, -0.75, 0.75)
    for y, z, back in ((0.98, 0.93, 0.24), (rear[0] - 0.02, 1.0, rear[0] + 0.33)):
        middle = [(-0.66, y, z + 0.03), (0.66, y, z + 0.03), (0.6, back, 1.39), (-0.6, back, 1.39)]
        solids.quad(_PANE, *middle)
    for x in (-0.86, 0.86):
        for y in (-1.35, 1.35):
            side = np.sign(x) * 0.05
            solids.rod(_TYRE, (x - 2 * side, y, 0.32), (x + side, y, 0.32), 0.32, 0.32, 18)
            solids.rod(_CHROME, (x, y, 0.32), (x + 1.3 * side, y, 0.32), 0.19, 0.17, 14)
    for x in (-0.62, 0.62):
        solids.box(_LAMP_GLASS, (x - 0.18, 2.05, 0.58), (x + 0.18, 2.16, 0.70))
        solids.box(
            Paint("gloss", (0.4, 0.01, 0.01)), (x - 0.18, -2.13, 0.68), (x + 0.18, -2.05, 0.82)
        )
    solids.box(_TYRE, (-0.8, -2.16, 0.33), (0.8, 2.18, 0.46))


def person(solids: Solids) -> None:
    """Someone standing or walking, 1.55 to 1.9 m tall."""
    cloth, trousers = (
        Paint("cloth", _one(solids, _GARMENTS)),
        Paint("cloth", _one(solids, _GARMENTS)),
    )
    skin, hair = Paint("plain", _one(solids, _SKIN)), Paint("plain", _one(solids, _HAIR))
    stride = float(solids.random.uniform(0, 0.28))
    with solids.at(size=float(solids.random.uniform(0.88, 1.06))):
        for side, step in ((-1, stride), (1, -stride)):
            hip, knee, foot = (
                (0.09 * side, 0, 0.90),
                (0.10 * side, step * 0.6, 0.48),
                (0.10 * side, step, 0.06),
            )
            solids.rod(trousers, hip, knee, 0.095, 0.07)
            solids.rod(trousers, knee, foot, 0.07, 0.055)
            solids.ball(_TYRE, (0.10 * side, step + 0.05, 0.045), (0.05, 0.14, 0.05), detail=6)
            shoulder, elbow = (0.21 * side, 0, 1.42), (0.27 * side, -step * 0.5, 1.13)
            hand = (0.26 * side, -step * 0.7 + 0.08, 0.88)
            solids.rod(cloth, shoulder, elbow, 0.06, 0.05)
            solids.rod(cloth, elbow, hand, 0.05, 0.04)
            solids.ball(skin, hand, (0.04, 0.05, 0.07), detail=6)
        solids.ball(cloth, (0, 0, 1.22), (0.21, 0.13, 0.34))
        solids.ball(trousers, (0, 0, 0.92), (0.17, 0.12, 0.15))
        solids.rod(skin, (0, 0, 1.45), (0, 0, 1.58), 0.055, 0.055)
        solids.ball(skin, (0, 0.01, 1.66), (0.078, 0.095, 0.115))
        solids.ball(hair, (0, -0.02, 1.70), (0.085, 0.10, 0.09))


def tree(solids: Solids, height: float = 7.0) -> None:
    """A trunk, boughs and a crown of lumpy masses with leaves upon them."""
    random = solids.random
    bark, leaves = Paint("bark", (0.12, 0.085, 0.055)), Paint("leaves", _one(solids, _GREENS))
    fork = height * 0.38
    thick = 0.028 * height
    solids.rod(bark, (0, 0, 0), (0, 0, fork), thick * 1.25, thick * 0.8, 14)
    for _ in range(9):
        angle, out = random.uniform(0, 2 * np.pi), height * random.uniform(0.08, 0.26)
        middle = np.array(
            [out * np.cos(angle), out * np.sin(angle), height * random.uniform(0.52, 0.85)]
        )
        solids.rod(bark, (0, 0, fork * 0.95), middle, thick * 0.5, thick * 0.12, 8)
        radius = height * random.uniform(0.10, 0.17)
        _foliage(solids, leaves, middle, radius, 700)
    _foliage(solids, leaves, np.array([0, 0, height * 0.82]), height * 0.17, 700)


def _foliage(solids: Solids, leaves: Paint, middle: np.ndarray, radius: float, count: int) -> None:
    """A lumpy ball whose surface is ragged with leaves."""
    random = solids.random
    solids.ball(leaves, middle, (radius, radius, radius * 0.85), lumps=0.16, detail=10)
    way = random.normal(size=(count, 3))
    way /= np.linalg.norm(way, axis=-1, keepdims=True)
    at = middle + way * radius * random.uniform(0.85, 1.2, (count, 1))
    size = radius * _LEAF
    first, second = random.normal(size=(2, count, 3)) * size
    corners = np.stack([at - first, at - second, at + first, at + second], axis=1).reshape(-1, 3)
    solids.faces(leaves, corners, np.arange(4 * count).reshape(count, 4).tolist())


def shrub(solids: Solids, height: float = 1.0) -> None:
    """A bush."""
    leaves = Paint("leaves", _one(solids, _GREENS))
    for _ in range(4):
        x, y = solids.random.uniform(-0.35, 0.35, 2) * height
        _foliage(
            solids,
            leaves,
            np.array([x, y, height * 0.5]),
            height * float(solids.random.uniform(0.35, 0.5)),
            450,
        )


def planter(solids: Solids) -> None:
    """A stone box with a shrub in it."""
    solids.box(_STONE, (-0.5, -0.5, 0), (0.5, 0.5, 0.55))
    with solids.at(z=0.4):
        shrub(solids, 0.9)


def lamp_post(solids: Solids) -> None:
    """4.6 m tall."""
    solids.rod(_IRON, (0, 0, 0), (0, 0, 0.8), 0.11, 0.08)
    solids.rod(_IRON, (0, 0, 0.8), (0, 0, 4.0), 0.055, 0.04)
    with solids.at(z=4.0):
        solids.lathe(_LAMP_GLASS, [(0.09, 0), (0.19, 0.42)], 8)
        solids.lathe(_IRON, [(0.24, 0.42), (0.03, 0.62)], 8)


def bench(solids: Solids) -> None:
    """Slats on iron legs, 1.7 m along x."""
    for y in (-0.18, 0.0, 0.18):
        solids.box(_TIMBER, (-0.85, y - 0.07, 0.42), (0.85, y + 0.07, 0.46))
    for z in (0.62, 0.80):
        solids.box(_TIMBER, (-0.85, 0.25, z - 0.06), (0.85, 0.29, z + 0.06))
    for x in (-0.65, 0.65):
        solids.box(_IRON, (x - 0.03, -0.22, 0), (x + 0.03, -0.16, 0.42))
        solids.box(_IRON, (x - 0.03, 0.20, 0), (x + 0.03, 0.27, 0.86))


def bin_(solids: Solids) -> None:
    """A round litter bin."""
    solids.lathe(
        Paint("metal", (0.03, 0.07, 0.05)),
        [(0.22, 0), (0.25, 0.75), (0.28, 0.78), (0.28, 0.86), (0.16, 0.92)],
        16,
    )


def post(solids: Solids) -> None:
    """A bollard."""
    solids.lathe(_IRON, [(0.09, 0), (0.07, 0.8), (0.10, 0.84), (0.06, 0.95)], 12)


def sign(solids: Solids) -> None:
    """A traffic sign."""
    solids.rod(_CHROME, (0, 0, 0), (0, 0, 2.6), 0.03, 0.03, 8)
    solids.rod(Paint("gloss", (0.5, 0.02, 0.02)), (0, -0.03, 2.35), (0, -0.05, 2.35), 0.3, 0.3, 24)
    solids.rod(
        Paint("gloss", (0.75, 0.75, 0.75)), (0, -0.05, 2.35), (0, -0.056, 2.35), 0.21, 0.21, 24
    )


def fountain(solids: Solids) -> None:
    """A basin 5 m across with a column in it."""
    solids.lathe(
        _STONE, [(2.6, 0), (2.6, 0.45), (2.75, 0.5), (2.75, 0.6), (2.35, 0.6), (2.35, 0.3)], 32
    )
    solids.lathe(
        _STONE,
        [(0.5, 0), (0.42, 0.7), (0.22, 0.9), (0.18, 2.0), (0.9, 2.3), (0.95, 2.4), (0.1, 2.3)],
        24,
    )
    with solids.at(z=2.3):
        solids.lathe(_STONE, [(0.12, 0), (0.10, 0.8), (0.22, 0.95), (0.02, 1.3)], 16)
