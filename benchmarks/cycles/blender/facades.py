"""Houses with real depth: windows in reveals, sills, doors, cornices, balconies, roofs with eaves and chimneys.

A house stands in its own frame: its front is y = 0 and looks along -y, x runs along it, z up.
"""

from dataclasses import dataclass

import numpy as np

from .materials import Paint
from .solids import Solids

WALLS = (
    Paint("brick", (0.36, 0.13, 0.075)),
    Paint("brick", (0.47, 0.25, 0.14)),
    Paint("brick", (0.30, 0.16, 0.12)),
    Paint("plaster", (0.62, 0.50, 0.33)),
    Paint("plaster", (0.70, 0.64, 0.52)),
    Paint("plaster", (0.55, 0.36, 0.26)),
    Paint("plaster", (0.45, 0.50, 0.50)),
    Paint("ashlar", (0.52, 0.46, 0.37)),
    Paint("ashlar", (0.40, 0.38, 0.34)),
)
STONE, FRAME, GLASS = (
    Paint("plain", (0.50, 0.47, 0.41)),
    Paint("plain", (0.72, 0.71, 0.67)),
    Paint("glass", (0.025, 0.03, 0.035)),
)
ROOF, IRON = Paint("roof", (0.27, 0.10, 0.065)), Paint("metal", (0.03, 0.03, 0.035))
DOORS = (
    Paint("wood", (0.09, 0.045, 0.02)),
    Paint("wood", (0.02, 0.06, 0.05)),
    Paint("wood", (0.12, 0.02, 0.02)),
)
SHUTTERS = (
    Paint("wood", (0.05, 0.12, 0.10)),
    Paint("wood", (0.16, 0.09, 0.05)),
    Paint("wood", (0.07, 0.10, 0.17)),
)
AWNINGS = (
    Paint("cloth", (0.45, 0.05, 0.04)),
    Paint("cloth", (0.05, 0.15, 0.09)),
    Paint("cloth", (0.55, 0.50, 0.40)),
)

_STOREY = 3.15  # metres
_BAY = 2.3  # metres from window to window, about
_DOOR_HEIGHT, _SILL = 2.35, 0.9  # metres
_OVERHANG = 0.45  # metres of eaves


@dataclass(frozen=True)
class _Style:
    """What the openings of one house have in common."""

    wall: Paint
    window: tuple[float, float]  # metres, width and height
    reveal: float  # metres
    shutters: Paint | None
    lintels: bool


def house(solids: Solids, width: float, deep: float, storeys: int, shop: bool = False) -> None:
    """A house, its front's left end at the origin."""
    random = solids.random
    style = _Style(
        wall=WALLS[random.integers(len(WALLS))],
        window=(float(random.uniform(0.95, 1.25)), float(random.uniform(1.45, 1.85))),
        reveal=float(random.uniform(0.12, 0.24)),
        shutters=SHUTTERS[random.integers(len(SHUTTERS))] if random.random() < 0.3 else None,
        lintels=bool(random.random() < 0.6),
    )
    height = storeys * _STOREY + 0.5
    front(solids, style, width, height, storeys, shop)
    wall = style.wall
    for corners in (
        [(0, deep, 0), (0, 0, 0), (0, 0, height), (0, deep, height)],
        [(width, 0, 0), (width, deep, 0), (width, deep, height), (width, 0, height)],
        [(width, deep, 0), (0, deep, 0), (0, deep, height), (width, deep, height)],
    ):
        solids.quad(wall, *corners)
    _top(solids, wall, width, deep, height)


def front(
    solids: Solids, style: _Style, width: float, height: float, storeys: int, shop: bool
) -> None:
    """The wall y = 0 with its openings, string courses and cornice."""
    bays = max(1, round(width / _BAY))
    middles = (np.arange(bays) + 0.5) * width / bays
    door = int(solids.random.integers(bays))
    across, up = [0.0], [0.0]
    for middle in middles:
        across += [middle - style.window[0] / 2, middle + style.window[0] / 2]
    for storey in range(storeys):
        sill = storey * _STOREY + _SILL + 0.25 * (storey == 0)
        up += [sill, sill + style.window[1]]
    across, up = [*across, width], [*up, height]
    for i in range(len(across) - 1):
        for j in range(len(up) - 1):
            low, high = (across[i], up[j]), (across[i + 1], up[j + 1])
            is_door = i // 2 == door and i % 2 and j == 0
            if i % 2 and j % 2:
                _opening(solids, style, low, high, storey=j // 2, door=i // 2 == door)
            elif not is_door:
                solids.quad(
                    style.wall,
                    (low[0], 0, low[1]),
                    (high[0], 0, low[1]),
                    (high[0], 0, high[1]),
                    (low[0], 0, high[1]),
                )
    _trim(solids, width, height, storeys)
    if shop:
        _awning(solids, width)


def _opening(solids: Solids, style: _Style, low, high, storey: int, door: bool) -> None:
    """A window in its reveal, or above a door its fanlight and below the door itself."""
    if door and storey == 0:
        _reveal(solids, style, (low[0], 0.0), high)
        leaf = DOORS[solids.random.integers(len(DOORS))]
        y = style.reveal
        solids.box(leaf, (low[0], y - 0.04, 0.02), (high[0], y, _DOOR_HEIGHT))
        for left, right in ((0.12, 0.44), (0.56, 0.88)):  # its panels, in parts of its width
            span = high[0] - low[0]
            for bottom, top in ((0.25, 1.0), (1.2, 2.1)):
                solids.box(
                    leaf,
                    (low[0] + left * span, y - 0.065, bottom),
                    (low[0] + right * span, y - 0.03, top),
                )
        _glazing(solids, style, (low[0], _DOOR_HEIGHT), high, bars=False)
        solids.box(STONE, (low[0] - 0.1, -0.35, 0.0), (high[0] + 0.1, 0.0, 0.14))
        return
    _reveal(solids, style, low, high)
    _glazing(solids, style, low, high, bars=True)
    solids.box(STONE, (low[0] - 0.08, -0.10, low[1] - 0.09), (high[0] + 0.08, style.reveal, low[1]))
    if style.lintels:
        solids.box(STONE, (low[0] - 0.12, -0.05, high[1]), (high[0] + 0.12, 0.0, high[1] + 0.22))
    if style.shutters and storey:
        leaf = (high[0] - low[0]) / 2
        for left in (low[0] - leaf - 0.02, high[0] + 0.02):
            solids.box(style.shutters, (left, -0.05, low[1]), (left + leaf, 0.0, high[1]))
    elif storey and solids.random.random() < 0.12:
        _balcony(solids, low, high)


def _reveal(solids: Solids, style: _Style, low, high) -> None:
    """The four faces from the wall back to the window."""
    (left, bottom), (right, top), y = low, high, style.reveal
    for corners in (
        [(left, 0, bottom), (left, y, bottom), (left, y, top), (left, 0, top)],
        [(right, y, bottom), (right, 0, bottom), (right, 0, top), (right, y, top)],
        [(left, 0, top), (left, y, top), (right, y, top), (right, 0, top)],
        [(left, y, bottom), (left, 0, bottom), (right, 0, bottom), (right, y, bottom)],
    ):
        solids.quad(style.wall, *corners)


def _glazing(solids: Solids, style: _Style, low, high, bars: bool) -> None:
    """Glass with a frame about it and bars before it."""
    (left, bottom), (right, top), y = low, high, style.reveal
    solids.quad(GLASS, (left, y, bottom), (right, y, bottom), (right, y, top), (left, y, top))
    edge, thick = 0.07, y - 0.05
    solids.box(FRAME, (left, thick, bottom), (left + edge, y, top))
    solids.box(FRAME, (right - edge, thick, bottom), (right, y, top))
    solids.box(FRAME, (left, thick, bottom), (right, y, bottom + edge))
    solids.box(FRAME, (left, thick, top - edge), (right, y, top))
    if bars:
        middle, third = (left + right) / 2, bottom + 0.68 * (top - bottom)
        solids.box(FRAME, (middle - 0.035, thick, bottom), (middle + 0.035, y, top))
        solids.box(FRAME, (left, thick, third - 0.03), (right, y, third + 0.03))


def _balcony(solids: Solids, low, high) -> None:
    """A slab with a railing before a window."""
    left, right, floor = low[0] - 0.25, high[0] + 0.25, low[1] - 0.2
    solids.box(STONE, (left, -0.85, floor - 0.14), (right, 0, floor))
    rail = floor + 1.0
    for start, end in (
        ((left, -0.82), (right, -0.82)),
        ((left, 0), (left, -0.82)),
        ((right, 0), (right, -0.82)),
    ):
        solids.rod(IRON, (*start, rail), (*end, rail), 0.025, 0.025, 6)
    for x in np.arange(left, right + 0.01, 0.14):
        solids.box(IRON, (x - 0.008, -0.83, floor), (x + 0.008, -0.81, rail))


def _trim(solids: Solids, width: float, height: float, storeys: int) -> None:
    """Plinth, string course, cornice, down pipe."""
    solids.box(STONE, (0, -0.03, height - 0.35), (width, 0, height - 0.15))
    solids.box(STONE, (0, -0.28, height - 0.15), (width, 0, height))
    if storeys > 1 and solids.random.random() < 0.7:
        solids.box(STONE, (0, -0.08, _STOREY + 0.25), (width, 0, _STOREY + 0.45))
    if solids.random.random() < 0.5:
        solids.rod(IRON, (0.12, -0.09, 0), (0.12, -0.09, height - 0.1), 0.05, 0.05, 8)


def _awning(solids: Solids, width: float) -> None:
    """A sloping cloth over the ground floor with its valance, and a sign above it."""
    cloth = AWNINGS[solids.random.integers(len(AWNINGS))]
    left, right, high, low, out = 0.3, width - 0.3, 3.0, 2.4, -1.2
    solids.quad(cloth, (left, 0, high), (right, 0, high), (right, out, low), (left, out, low))
    solids.quad(
        cloth,
        (left, out, low),
        (right, out, low),
        (right, out, low - 0.22),
        (left, out, low - 0.22),
    )
    solids.box(Paint("print", (0.15, 0.2, 0.3)), (left, -0.07, high + 0.05), (right, 0, high + 0.5))


def _top(solids: Solids, wall: Paint, width: float, deep: float, height: float) -> None:
    """A gabled roof along x with chimneys, or a flat one behind a parapet."""
    if solids.random.random() < 0.3:
        solids.box(wall, (0, 0, height), (width, 0.3, height + 0.7))
        solids.box(STONE, (0, -0.06, height + 0.7), (width, 0.36, height + 0.8))
        solids.quad(
            IRON, (0, 0.3, height), (width, 0.3, height), (width, deep, height), (0, deep, height)
        )
        return
    rise, middle = float(solids.random.uniform(0.35, 0.6)) * deep, deep / 2
    drop = _OVERHANG * rise / middle
    slab = 0.18
    outline = [
        (-_OVERHANG, height - drop),
        (middle, height + rise),
        (deep + _OVERHANG, height - drop),
        (deep + _OVERHANG, height - drop + slab),
        (middle, height + rise + slab),
        (-_OVERHANG, height - drop + slab),
    ]
    for front_side in (
        outline[0:2] + outline[4:6],
        [outline[1], outline[2], outline[3], outline[4]],
    ):
        solids.prism(ROOF, front_side, -0.15, width + 0.15)
    for x in (0.0, width):
        solids.quad(wall, (x, 0, height), (x, deep, height), (x, middle, height + rise))
    for _ in range(int(solids.random.integers(0, 3))):
        x, y = (
            solids.random.uniform(0.5, max(0.6, width - 1.2)),
            middle + solids.random.uniform(-0.25, 0.25) * deep,
        )
        base = height + rise * 0.4
        solids.box(WALLS[0], (x, y, base), (x + 0.7, y + 0.5, height + rise + 0.9))
