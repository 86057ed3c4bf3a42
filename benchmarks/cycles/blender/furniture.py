"""What stands about indoors: tables, chairs, sofas, shelves, lamps, pictures, doors, and what stands on them.

No two faces may share a plane where they overlap: they shadow each other.
"""

from itertools import pairwise

import numpy as np

from .materials import Color, Paint
from .solids import Solids
from .things import shrub

OAK, WALNUT, WHITE = (
    Paint("wood", (0.36, 0.21, 0.10)),
    Paint("wood", (0.11, 0.055, 0.03)),
    Paint("plain", (0.72, 0.71, 0.68)),
)
STEEL, BRASS, LAMP = (
    Paint("metal", (0.35, 0.35, 0.36)),
    Paint("metal", (0.5, 0.33, 0.10)),
    Paint("lamp", (0.9, 0.85, 0.75)),
)
_CLAY, _INK = Paint("plain", (0.42, 0.17, 0.09)), Paint("plain", (0.03, 0.03, 0.03))
_CERAMICS: tuple[Color, ...] = (
    (0.70, 0.68, 0.62),
    (0.08, 0.18, 0.32),
    (0.45, 0.10, 0.06),
    (0.10, 0.25, 0.18),
    (0.55, 0.40, 0.10),
)


def _ceramic(solids: Solids) -> Paint:
    return Paint("gloss", _CERAMICS[solids.random.integers(len(_CERAMICS))])


def table(
    solids: Solids, width: float = 1.5, deep: float = 0.85, high: float = 0.75, paint: Paint = OAK
) -> None:
    """A board on four legs, its middle at the origin."""
    x, y = width / 2, deep / 2
    solids.box(paint, (-x, -y, high - 0.035), (x, y, high))
    solids.box(paint, (-x + 0.08, -y + 0.06, high - 0.12), (x - 0.08, y - 0.06, high - 0.035))
    for left in (-x + 0.08, x - 0.08):
        for front in (-y + 0.08, y - 0.08):
            solids.box(
                paint, (left - 0.035, front - 0.035, 0), (left + 0.035, front + 0.035, high - 0.035)
            )


def chair(solids: Solids, paint: Paint = OAK) -> None:
    """A wooden chair that looks along -y."""
    for x in (-0.19, 0.19):
        solids.rod(paint, (x, -0.19, 0), (x, -0.19, 0.44), 0.018, 0.022, 8)
        solids.rod(paint, (x, 0.20, 0), (x, 0.19, 0.44), 0.018, 0.022, 8)
        solids.rod(paint, (x, 0.19, 0.44), (x * 0.95, 0.27, 0.92), 0.022, 0.016, 8)
    solids.box(paint, (-0.22, -0.22, 0.43), (0.22, 0.22, 0.46))
    for z in (0.62, 0.76, 0.88):
        y = 0.19 + (z - 0.44) / 6
        solids.box(paint, (-0.19, y - 0.01, z - 0.035), (0.19, y + 0.01, z + 0.035))


def sofa(solids: Solids, width: float = 1.9) -> None:
    """A sofa that looks along -y."""
    cloth = Paint("cloth", _CERAMICS[1 + solids.random.integers(3)])
    x = width / 2
    solids.box(cloth, (-x, -0.42, 0.10), (x, 0.42, 0.30))
    solids.box(cloth, (-x, 0.22, 0.30), (x, 0.44, 0.82))
    for side in (-1, 1):
        solids.box(cloth, (side * (x + 0.01), -0.44, 0.09), (side * (x - 0.18), 0.43, 0.60))
    seats = np.linspace(-x + 0.19, x - 0.19, 3)
    for left, right in pairwise(seats):
        middle, half = (left + right) / 2, (right - left) / 2 - 0.01
        solids.ball(cloth, (middle, -0.10, 0.36), (half * 1.12, 0.36, 0.12))
        solids.ball(
            Paint("cloth", (0.5, 0.42, 0.25)), (middle + 0.1, 0.16, 0.60), (0.24, 0.10, 0.22)
        )
    for left in (-x + 0.1, x - 0.1):
        for front in (-0.36, 0.36):
            solids.rod(WALNUT, (left, front, 0), (left, front, 0.11), 0.02, 0.03, 8)


def shelf(solids: Solids, width: float = 0.9, high: float = 1.9, paint: Paint = WALNUT) -> None:
    """A bookcase, its back on y = 0, its front along -y."""
    x, deep = width / 2, 0.30
    for left in (-x, x - 0.025):
        solids.box(paint, (left, -deep, 0), (left + 0.025, 0, high))
    solids.box(paint, (-x + 0.025, -0.01, 0), (x - 0.025, -0.001, high))
    boards = np.linspace(0.06, high - 0.025, round(high / 0.36) + 1)
    for board in boards:
        solids.box(paint, (-x + 0.025, -deep + 0.005, board), (x - 0.025, -0.01, board + 0.025))
    for board in boards[:-1]:
        _books(solids, -x + 0.04, x - 0.04, board + 0.025)


def _books(solids: Solids, left: float, right: float, board: float) -> None:
    """Books of all sizes upright on a board, with gaps and now and then a vase."""
    random = solids.random
    while left < right - 0.05:
        if random.random() < 0.08:
            with solids.at(x=left + 0.09, y=-0.15, z=board, size=0.8):
                vase(solids)
            left += 0.2
            continue
        thick, tall, deep = (
            random.uniform(0.015, 0.045),
            random.uniform(0.17, 0.27),
            random.uniform(0.13, 0.2),
        )
        cover = Paint("spines", tuple(float(round(c, 1)) for c in random.uniform(0.05, 0.5, 3)))
        solids.box(
            cover, (left, -0.03 - deep, board), (min(left + thick, right), -0.03, board + tall)
        )
        left += thick + 0.002 + (0.12 if random.random() < 0.06 else 0)


def cabinet(solids: Solids, width: float = 1.2, high: float = 0.8, paint: Paint = WHITE) -> None:
    """A chest with doors and drawers, its back on y = 0."""
    x = width / 2
    solids.box(paint, (-x, -0.45, 0.08), (x, 0, high))
    solids.box(_INK, (-x + 0.03, -0.42, 0), (x - 0.03, 0, 0.08))
    columns = np.linspace(-x, x, max(2, round(width / 0.5)) + 1)
    for left, right in pairwise(columns):
        for low, top in ((0.10, high * 0.68), (high * 0.70, high - 0.03)):
            solids.box(paint, (left + 0.01, -0.468, low), (right - 0.01, -0.45, top))
            solids.rod(
                STEEL,
                ((left + right) / 2 - 0.05, -0.49, top - 0.05),
                ((left + right) / 2 + 0.05, -0.49, top - 0.05),
                0.008,
                0.008,
                6,
            )
    solids.box(OAK, (-x - 0.01, -0.48, high), (x + 0.01, 0, high + 0.03))


def bed(solids: Solids) -> None:
    """A bed 2 m long, its head on y = 0."""
    solids.box(OAK, (-0.85, -2.05, 0.15), (0.85, 0, 0.32))
    solids.box(OAK, (-0.85, -0.05, 0), (0.85, 0, 1.0))
    solids.box(Paint("cloth", (0.65, 0.62, 0.58)), (-0.80, -2.0, 0.32), (0.80, -0.06, 0.52))
    solids.ball(
        Paint("cloth", (0.12, 0.2, 0.32)),
        (0, -1.25, 0.50),
        (0.92, 0.85, 0.14),
        lumps=0.05,
        detail=16,
    )
    for x in (-0.4, 0.4):
        solids.ball(
            Paint("cloth", (0.7, 0.68, 0.65)), (x, -0.32, 0.60), (0.34, 0.2, 0.1), detail=10
        )


def floor_lamp(solids: Solids) -> None:
    """A tall lamp with a shade."""
    solids.lathe(BRASS, [(0.15, 0), (0.15, 0.02), (0.015, 0.04), (0.012, 1.4), (0.01, 1.5)], 16)
    with solids.at(z=1.35):
        solids.lathe(Paint("cloth", (0.75, 0.66, 0.48)), [(0.22, 0), (0.14, 0.30)], 24)


def pot_plant(solids: Solids, size: float = 1.0) -> None:
    """A shrub in a clay pot."""
    with solids.at(size=size):
        solids.lathe(
            _CLAY,
            [(0.13, 0), (0.18, 0.28), (0.20, 0.28), (0.20, 0.33), (0.16, 0.33), (0.15, 0.27)],
            20,
        )
        with solids.at(z=0.25, size=0.8):
            shrub(solids, 0.9)


def picture(solids: Solids, width: float, high: float) -> None:
    """A framed picture on the wall y = 0, its middle at the origin."""
    x, z = width / 2, high / 2
    tint = tuple(float(round(c, 2)) for c in solids.random.uniform(0.1, 0.6, 3))
    solids.quad(
        Paint("print", tint), (-x, -0.015, -z), (x, -0.015, -z), (x, -0.015, z), (-x, -0.015, z)
    )
    frame = _INK if solids.random.random() < 0.5 else OAK
    for low, top in (
        ((-x - 0.03, -z - 0.03), (x + 0.03, -z)),
        ((-x - 0.03, z), (x + 0.03, z + 0.03)),
        ((-x - 0.03, -z), (-x, z)),
        ((x, -z), (x + 0.03, z)),
    ):
        solids.box(frame, (low[0], -0.03, low[1]), (top[0], 0, top[1]))


def door(solids: Solids, paint: Paint = WHITE) -> None:
    """A closed door with its frame on the wall y = 0, its foot at the origin."""
    solids.box(paint, (-0.42, -0.02, 0), (0.42, 0, 2.03))
    for left, right in ((-0.32, -0.05), (0.05, 0.32)):
        for low, top in ((0.2, 0.85), (1.05, 1.9)):
            solids.box(paint, (left, -0.035, low), (right, -0.02, top))
    for left, right, low, top in (
        (-0.50, -0.42, 0, 2.03),
        (0.42, 0.50, 0, 2.03),
        (-0.50, 0.50, 2.03, 2.11),
    ):
        solids.box(WHITE, (left, -0.045, low), (right, 0, top))
    solids.rod(STEEL, (0.34, -0.06, 1.02), (0.24, -0.06, 1.02), 0.01, 0.01, 8)


def radiator(solids: Solids) -> None:
    """Ribs under a window, on the wall y = 0."""
    for x in np.arange(-0.5, 0.51, 0.08):
        solids.box(WHITE, (x - 0.03, -0.14, 0.12), (x + 0.03, -0.05, 0.68))


def pendant(solids: Solids) -> None:
    """A lamp that hangs from the origin."""
    solids.rod(_INK, (0, 0, 0), (0, 0, -0.5), 0.006, 0.006, 6)
    with solids.at(z=-0.78):
        solids.lathe(STEEL, [(0.22, 0), (0.10, 0.24), (0.03, 0.28)], 24)
    solids.ball(LAMP, (0, 0, -0.72), (0.07, 0.07, 0.07), detail=8)


def vase(solids: Solids) -> None:
    """0.3 m tall."""
    belly = float(solids.random.uniform(0.07, 0.11))
    profile = [
        (0.05, 0),
        (belly, 0.10),
        (belly * 0.8, 0.18),
        (0.035, 0.25),
        (0.05, 0.30),
        (0.04, 0.30),
        (0.03, 0.25),
    ]
    solids.lathe(_ceramic(solids), profile, 24)


def bottle(solids: Solids) -> None:
    """0.3 m tall."""
    solids.lathe(
        Paint("gloss", (0.02, 0.06, 0.025)),
        [(0.037, 0), (0.038, 0.18), (0.015, 0.23), (0.014, 0.30)],
        20,
    )
    solids.lathe(Paint("plain", (0.6, 0.55, 0.42)), [(0.0385, 0.06), (0.0385, 0.14)], 20)


def mug(solids: Solids) -> None:
    """0.1 m tall, with a handle."""
    paint = _ceramic(solids)
    solids.lathe(paint, [(0.036, 0), (0.042, 0.10), (0.038, 0.10), (0.034, 0.02)], 24)
    bend = [(0.04, 0, 0.08), (0.07, 0, 0.075), (0.075, 0, 0.04), (0.04, 0, 0.02)]
    for start, end in pairwise(bend):
        solids.rod(paint, start, end, 0.007, 0.007, 6)


def bowl(solids: Solids) -> None:
    """A bowl of fruit."""
    solids.lathe(
        _ceramic(solids), [(0.06, 0), (0.12, 0.05), (0.15, 0.09), (0.14, 0.09), (0.10, 0.045)], 28
    )
    for _ in range(6):
        x, y = solids.random.uniform(-0.075, 0.075, 2)
        color = ((0.45, 0.04, 0.02), (0.6, 0.28, 0.02), (0.25, 0.35, 0.03))[
            solids.random.integers(3)
        ]
        solids.ball(
            Paint("gloss", color), (x, y, 0.095), (0.042, 0.042, 0.04), lumps=0.03, detail=10
        )


def book_pile(solids: Solids) -> None:
    """Three to five books lying on each other."""
    z = 0.0
    for _ in range(int(solids.random.integers(3, 6))):
        thick = float(solids.random.uniform(0.015, 0.04))
        with solids.at(z=z, yaw=float(solids.random.normal(0, 12))):
            cover = Paint(
                "plain", tuple(float(round(c, 2)) for c in solids.random.uniform(0.03, 0.5, 3))
            )
            solids.box(cover, (-0.11, -0.08, 0), (0.11, 0.08, thick))
            solids.box(
                Paint("plain", (0.7, 0.66, 0.56)),
                (-0.107, -0.082, 0.003),
                (0.112, 0.077, thick - 0.003),
            )
        z += thick + 0.001


def carton(solids: Solids) -> None:
    """A printed box."""
    wide, deep, high = solids.random.uniform((0.12, 0.06, 0.15), (0.22, 0.12, 0.30))
    tint = tuple(float(round(c, 2)) for c in solids.random.uniform(0.1, 0.6, 3))
    solids.box(Paint("print", tint), (-wide / 2, -deep / 2, 0), (wide / 2, deep / 2, high))
