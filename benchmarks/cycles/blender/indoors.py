"""Places under a ceiling. The camera stands at the origin and looks along +y, or a little off it."""

import numpy as np

from . import furniture as f
from .materials import Paint
from .solids import Solids

_SKIRTING = 0.09  # metres


def _shell(
    solids: Solids,
    left: float,
    right: float,
    back: float,
    end: float,
    high: float,
    floor: Paint,
    wall: Paint,
) -> None:
    """Floor, ceiling and the two long walls with skirting boards; the end wall is made with its windows."""
    solids.quad(floor, (left, back, 0), (right, back, 0), (right, end, 0), (left, end, 0))
    ceiling = Paint("wall", (0.78, 0.77, 0.74))
    solids.quad(
        ceiling, (left, back, high), (right, back, high), (right, end, high), (left, end, high)
    )
    for x in (left, right):
        solids.quad(wall, (x, back, 0), (x, end, 0), (x, end, high), (x, back, high))
        inner = x + np.sign(-x) * 0.018
        solids.box(f.WHITE, (x, back, 0), (inner, end, _SKIRTING))
    solids.quad(wall, (left, back, 0), (right, back, 0), (right, back, high), (left, back, high))


def _window_wall(
    solids: Solids, left: float, right: float, y: float, high: float, wall: Paint, windows
) -> None:
    """A wall across the view with open windows [(left, right)] in deep reveals, frames, sills and radiators below."""
    sill, top = 0.85, min(2.25, high - 0.25)
    across = [left, *np.ravel(windows), right]
    for i in range(len(across) - 1):
        x0, x1 = across[i], across[i + 1]
        spans = [(0.0, sill), (top, high)] if i % 2 else [(0.0, high)]
        for low, up in spans:
            solids.quad(wall, (x0, y, low), (x1, y, low), (x1, y, up), (x0, y, up))
    solids.box(f.WHITE, (left, y - 0.018, 0), (right, y, _SKIRTING))
    for x0, x1 in windows:
        for low, up in (
            ((x0 - 0.01, sill), (x0, top)),
            ((x1, sill), (x1 + 0.01, top)),
            ((x0, top), (x1, top + 0.01)),
        ):
            solids.box(wall, (low[0], y, low[1]), (up[0], y + 0.3, up[1]))
        solids.box(f.WHITE, (x0 - 0.05, y - 0.12, sill - 0.04), (x1 + 0.05, y + 0.3, sill))
        for x in (x0, (x0 + x1) / 2 - 0.03, x1 - 0.06):
            solids.box(f.WHITE, (x, y + 0.16, sill), (x + 0.06, y + 0.22, top))
        for z in (sill, sill + 0.66 * (top - sill), top - 0.06):
            solids.box(f.WHITE, (x0, y + 0.165, z), (x1, y + 0.215, z + 0.06))
        with solids.at(x=(x0 + x1) / 2, y=y):
            f.radiator(solids)


def _outside(solids: Solids, y: float) -> None:
    """What is seen through windows: grass below, greenery farther off."""
    solids.quad(
        Paint("grass", (0.07, 0.12, 0.03)),
        (-60, y, -0.4),
        (60, y, -0.4),
        (60, y + 120, -0.4),
        (-60, y + 120, -0.4),
    )
    for x in np.arange(-24, 25, 4.5):
        radius = float(solids.random.uniform(1.6, 2.8))
        solids.ball(
            Paint("leaves", (0.07, 0.13, 0.03)),
            (x, y + 20, radius * 0.7 - 0.4),
            (radius * 1.2, radius, radius),
            lumps=0.2,
        )


def room(solids: Solids) -> None:
    """A living room with a window, sofa, table and chairs, shelves, pictures and plants."""
    random = solids.random
    left, right, end, high = (
        -float(random.uniform(1.9, 2.6)),
        float(random.uniform(2.0, 2.6)),
        float(random.uniform(4.6, 6.0)),
        2.6,
    )
    walls = ((0.62, 0.57, 0.47), (0.50, 0.56, 0.52), (0.70, 0.68, 0.63))
    wall = Paint("wall", walls[random.integers(len(walls))])
    floor = (
        Paint("planks", (0.33, 0.19, 0.10))
        if random.random() < 0.6
        else Paint("tiles", (0.45, 0.40, 0.34))
    )
    _shell(solids, left, right, -2.4, end, high, floor, wall)
    middle = float(random.uniform(-0.6, 0.4))
    _window_wall(solids, left, right, end, high, wall, [(middle - 0.75, middle + 0.75)])
    _outside(solids, end + 1)
    _seats(solids, left, right, end)
    _walls(solids, left, right, end)
    with solids.at(x=0.2, y=end * 0.5, z=high):
        f.pendant(solids)


def _seats(solids: Solids, left: float, right: float, end: float) -> None:
    """What stands on the floor."""
    random = solids.random
    with solids.at(x=0.1, y=end * 0.58):
        solids.box(Paint("rug", (0.32, 0.05, 0.04)), (-1.1, -0.8, 0), (1.1, 0.8, 0.012))
    with solids.at(x=left + 0.5, y=end * 0.62, yaw=90):
        f.sofa(solids)
    with solids.at(x=0.1, y=end * 0.58, yaw=float(random.normal(0, 4))):
        f.table(solids, 0.95, 0.55, 0.42, f.WALNUT)
        for make, x, y in ((f.book_pile, -0.25, 0.05), (f.mug, 0.15, -0.1), (f.vase, 0.3, 0.12)):
            with solids.at(x=x, y=y, z=0.42):
                make(solids)
    with solids.at(x=right - 0.75, y=end * 0.45, yaw=float(random.normal(90, 5))):
        f.table(solids, 1.3, 0.75)
        with solids.at(z=0.75):
            f.bowl(solids)
        for x, y, yaw in ((-0.4, -0.55, 180), (0.35, 0.5, 0), (0.3, -0.6, 170)):
            with solids.at(x=x, y=y, yaw=yaw + float(random.normal(0, 12))):
                f.chair(solids)
    with solids.at(x=left + 0.35, y=end - 0.35):
        f.floor_lamp(solids)
    with solids.at(x=right - 0.4, y=end - 0.45):
        f.pot_plant(solids, 1.2)


def _walls(solids: Solids, left: float, right: float, end: float) -> None:
    """What stands along and hangs on the side walls."""
    with solids.at(x=right, y=end * 0.80, yaw=-90):
        f.shelf(solids, 0.9)
    with solids.at(x=left, y=end * 0.25, yaw=90):
        f.cabinet(solids)
        with solids.at(y=-0.22, z=0.83, x=0.3):
            f.vase(solids)
        with solids.at(y=-0.22, z=0.83, x=-0.25):
            f.book_pile(solids)
    for x, y, z, yaw, size in (
        (left, end * 0.62, 1.6, 90, (0.8, 0.55)),
        (right, end * 0.45, 1.6, -90, (0.5, 0.65)),
        (left, end * 0.25, 1.55, 90, (0.45, 0.6)),
    ):
        with solids.at(x=x, y=y, z=z, yaw=yaw):
            f.picture(solids, *size)


def corridor(solids: Solids) -> None:
    """A corridor with doors to both sides, a window at its end, lamps, a cabinet, plants and someone in it."""
    from .things import person

    left, right, end, high = -1.15, 1.15, 13.0, 2.7
    wall = Paint("wall", (0.66, 0.62, 0.52))
    _shell(solids, left, right, -2.0, end, high, Paint("tiles", (0.40, 0.37, 0.32)), wall)
    _window_wall(solids, left, right, end, high, wall, [(-0.5, 0.6)])
    _outside(solids, end + 1)
    for x, yaw, places in ((left, 90, (2.2, 5.4, 8.6, 11.2)), (right, -90, (3.4, 6.6, 9.9))):
        for y in places:
            with solids.at(x=x, y=y, yaw=yaw):
                f.door(solids, f.OAK)
    for y in (2.5, 6.0, 9.5):
        solids.box(f.LAMP, (-0.25, y - 0.25, high - 0.06), (0.25, y + 0.25, high - 0.02))
    for x, y, yaw, size in (
        (right, 4.9, -90, (0.7, 0.9)),
        (left, 3.9, 90, (0.9, 0.6)),
        (right, 8.2, -90, (0.6, 0.6)),
        (left, 7.0, 90, (0.5, 0.8)),
    ):
        with solids.at(x=x, y=y, z=1.6, yaw=yaw):
            f.picture(solids, *size)
    with solids.at(x=right, y=5.0, yaw=-90):
        f.cabinet(solids, 0.9, 0.8, f.WALNUT)
    with solids.at(x=right - 0.22, y=4.9, z=0.83):
        f.vase(solids)
    for x, y in ((left + 0.28, 7.05), (right - 0.3, 12.4)):
        with solids.at(x=x, y=y):
            f.pot_plant(solids)
    with solids.at(x=-0.45, y=9.3, yaw=160):
        person(solids)
    with solids.at(x=left + 0.3, y=3.9, yaw=90):
        f.chair(solids, f.WALNUT)


def objects(solids: Solids) -> None:
    """Things on a table, close up, before a wall with shelves and a picture."""
    random = solids.random
    end, high = float(random.uniform(2.3, 2.9)), 2.6
    wall = (
        Paint("plaster", (0.55, 0.52, 0.45))
        if random.random() < 0.5
        else Paint("brick", (0.45, 0.24, 0.15))
    )
    _shell(solids, -2.6, 2.3, -2.2, end, high, Paint("planks", (0.28, 0.16, 0.09)), wall)
    _window_wall(solids, -2.6, 2.3, end, high, wall, [(-2.0, -1.1)])
    _outside(solids, end + 1)
    with solids.at(x=0.0, y=1.25, yaw=float(random.normal(0, 5))):
        f.table(solids, 1.7, 0.95, 0.74, f.OAK)
        with solids.at(z=0.74):
            _still_life(solids)
    with solids.at(x=0.9, y=end - 0.01):
        f.shelf(solids, 1.0, 2.0)
    with solids.at(x=-0.3, y=end, z=1.55):
        f.picture(solids, 0.7, 0.5)
    for x, y, yaw in ((-0.75, 2.0, 10), (1.15, 1.2, -80)):
        with solids.at(x=x, y=y, yaw=yaw):
            f.chair(solids)


def _small_plant(solids: Solids) -> None:
    """One that stands on a table."""
    f.pot_plant(solids, 0.36)


def _still_life(solids: Solids) -> None:
    """Things side by side on a table's top, none in another."""
    random = solids.random
    makers = [
        f.bowl,
        f.vase,
        f.bottle,
        f.mug,
        f.mug,
        f.book_pile,
        f.carton,
        f.carton,
        f.bottle,
        _small_plant,
    ]
    taken: list[np.ndarray] = []
    for make in makers:
        for _ in range(40):
            at = random.uniform((-0.72, -0.36), (0.72, 0.36))
            if all(np.linalg.norm(at - other) > 0.23 for other in taken):
                taken.append(at)
                with solids.at(x=at[0], y=at[1], yaw=float(random.uniform(0, 360))):
                    make(solids)
                break
