"""Places under a sky. The camera stands at the origin and looks along +y, or a little off it."""

from .facades import house
from .materials import Paint
from .solids import Solids
from .things import bench, bin_, car, fountain, lamp_post, person, planter, post, shrub, sign, tree

_KERB = 0.12  # metres of pavement above the road
_KERBSTONE = Paint("plain", (0.36, 0.35, 0.33))
_FAR = 160.0  # metres of ground to each side


def _ground(solids: Solids, paint: Paint) -> None:
    solids.quad(paint, (-_FAR, -_FAR, 0), (_FAR, -_FAR, 0), (_FAR, _FAR, 0), (-_FAR, _FAR, 0))


def _row(solids: Solids, start: float, end: float, storeys: tuple[int, int], shops: float) -> None:
    """Houses side by side along x of the present frame, their fronts on y = 0."""
    x = start
    while x < end:
        width = float(solids.random.uniform(6.5, 11.0))
        with solids.at(x=x, y=float(solids.random.uniform(0, 0.35))):
            house(
                solids,
                width,
                9.0,
                int(solids.random.integers(*storeys)),
                solids.random.random() < shops,
            )
        x += width


def street(solids: Solids) -> None:
    """A street between two rows of houses, closed by a third, with parked cars, trees and passers-by."""
    random = solids.random
    half, length = float(random.uniform(5.2, 6.8)), float(random.uniform(42, 60))
    walk = 2.2
    _ground(solids, Paint("asphalt", (0.10, 0.10, 0.105)))
    for side in (-1, 1):
        inner = side * (half - walk)
        slabs = (min(inner, side * half), -12, 0), (max(inner, side * half), length, _KERB)
        solids.box(Paint("slabs", (0.33, 0.31, 0.28)), *slabs)
        solids.box(_KERBSTONE, (inner - 0.08, -12, 0), (inner + 0.08, length, _KERB + 0.005))
        with solids.at(x=side * half, y=-12 if side < 0 else length, yaw=90 if side < 0 else -90):
            _row(solids, 0, length + 12, (2, 5), 0.35)
    with solids.at(x=-half - 3, y=length):
        _row(solids, 0, 2 * half + 6, (3, 5), 0.0)
    white = Paint("plain", (0.6, 0.6, 0.58))
    for y in range(4, int(length), 6):
        solids.box(white, (-0.06, y, 0), (0.06, y + 3, 0.004))
    _kerbside(solids, half - walk, length)


def _kerbside(solids: Solids, half: float, length: float) -> None:
    """Cars along both kerbs, lamps and trees behind them, people on the pavements."""
    random = solids.random
    for side in (-1, 1):
        y = float(random.uniform(6.5, 10))
        while y < length - 4:
            if random.random() < 0.62:
                with solids.at(
                    x=side * (half - 1.05), y=y, yaw=0 if random.random() < 0.8 else 180
                ):
                    car(solids)
            y += float(random.uniform(5.4, 7.5))
        for y in range(9, int(length) - 3, 13):
            with solids.at(x=side * (half + 0.5), y=y + float(random.uniform(-2, 2)), z=_KERB):
                (lamp_post if random.random() < 0.5 else tree)(solids)
        for _ in range(4):
            with solids.at(
                x=side * (half + float(random.uniform(0.8, 1.7))),
                y=float(random.uniform(6, 30)),
                z=_KERB,
                yaw=float(random.choice([0, 180]) + random.normal(0, 15)),
            ):
                person(solids)
    for make, x, y in (
        (bin_, half + 0.4, 7.0),
        (sign, -half - 0.4, 12.0),
        (post, half + 0.3, 5.2),
        (post, half + 0.3, 6.6),
    ):
        with solids.at(x=x, y=y, z=_KERB):
            make(solids)


def corner(solids: Solids) -> None:
    """A house at a crossing, seen at its edge, with streets to both sides."""
    random = solids.random
    _ground(solids, Paint("cobbles", (0.26, 0.25, 0.23)))
    reach, edge = 34.0, 15.0
    turn = 38.0  # degrees between the picture's plane and the right-hand front
    with solids.at(y=edge, yaw=turn):
        solids.box(Paint("slabs", (0.36, 0.34, 0.30)), (-1.8, -1.8, 0), (reach, 14, _KERB))
        with solids.at(z=_KERB):
            house(solids, 11.0, 10.0, 4, shop=True)
            _row(solids, 11.0, reach - 6, (3, 5), 0.3)
            with solids.at(y=0.0, x=0.0, yaw=-90), solids.at(x=-reach):
                _row(solids, 0.0, reach - 12, (2, 5), 0.2)
        with solids.at(yaw=-90), solids.at(x=-10.0, z=_KERB):
            house(solids, 10.0, 0.5, 4, shop=False)
    with solids.at(x=-26, y=26, yaw=60):
        _row(solids, -14, 16, (2, 4), 0.2)
    for make, x, y, yaw in (
        (car, 5.2, 12.5, -52),
        (car, -7.5, 17.5, 40),
        (person, 1.8, 9.5, 30),
        (person, -3.6, 11.5, 200),
        (person, -4.3, 11.8, 20),
        (lamp_post, -1.2, 13.0, 0),
        (tree, 9.8, 19.0, 0),
        (bin_, 2.6, 13.9, 0),
        (post, -2.4, 9.0, 0),
        (post, 0.6, 8.4, 0),
    ):
        with solids.at(x=x, y=y, yaw=yaw + float(random.normal(0, 4))):
            make(solids)


def plaza(solids: Solids) -> None:
    """A square with a fountain, trees, benches and people, houses around it."""
    random = solids.random
    _ground(solids, Paint("cobbles", (0.33, 0.30, 0.26)))
    half, far = 21.0, 38.0
    with solids.at(x=-half, y=far):
        _row(solids, -6, 2 * half + 4, (3, 6), 0.4)
    with solids.at(x=-half, y=-8, yaw=90):
        _row(solids, 0, far + 4, (3, 5), 0.3)
    with solids.at(x=half, y=far + 2, yaw=-90):
        _row(solids, 0, far + 10, (2, 5), 0.3)
    with solids.at(x=2.5, y=18):
        fountain(solids)
    for x, y in ((-9, 17), (-12, 26), (11, 22), (13, 31), (-4.5, 31)):
        with solids.at(x=x, y=y):
            tree(solids, float(random.uniform(5.5, 8.0)))
            solids.box(_KERBSTONE, (-0.9, -0.9, 0), (0.9, 0.9, 0.10))
    for x, y, yaw in ((-6.5, 13.5, 20), (7.5, 15.5, -160), (-8, 22, 180)):
        with solids.at(x=x, y=y, yaw=yaw):
            bench(solids)
    for _ in range(12):
        with solids.at(
            x=float(random.uniform(-9, 9)),
            y=float(random.uniform(8.5, 30)),
            yaw=float(random.uniform(0, 360)),
        ):
            person(solids)
    for make, x, y in (
        (planter, -3.6, 9.5),
        (planter, 5.0, 10.0),
        (lamp_post, -2.2, 22.0),
        (lamp_post, 9.0, 13.0),
        (bin_, 4.2, 13),
    ):
        with solids.at(x=x, y=y):
            make(solids)


def facade(solids: Solids) -> None:
    """A row of houses straight across a street, with a hedge, a car and a tree before it."""
    _ground(solids, Paint("asphalt", (0.13, 0.125, 0.12)))
    distance = 13.5
    solids.box(
        Paint("slabs", (0.38, 0.35, 0.31)), (-40, distance - 3.4, 0), (40, distance + 9, _KERB)
    )
    solids.box(_KERBSTONE, (-40, distance - 3.5, 0), (40, distance - 3.3, _KERB + 0.005))
    solids.box(
        Paint("grass", (0.07, 0.11, 0.03)), (-40, distance - 1.2, 0), (40, distance, _KERB + 0.02)
    )
    with solids.at(x=-19.0, y=distance, z=_KERB):
        _row(solids, 0, 38, (2, 4), 0.0)
    for make, x, y, yaw in (
        (car, -5.2, distance - 4.6, 90),
        (car, 8.5, distance - 4.6, -90),
        (tree, 4.3, distance - 2.6, 0),
        (person, 1.2, 10.6, 95),
        (person, -1.4, 11.4, -80),
        (lamp_post, -2.9, distance - 2.9, 0),
        (sign, 6.4, distance - 3.0, 0),
    ):
        with solids.at(x=x, y=y, yaw=yaw):
            make(solids)
    for x in (-9.0, -7.6, -6.2, 0.4, 9.4, 10.6):
        with solids.at(x=x, y=distance - 0.65, z=_KERB):
            shrub(solids, float(solids.random.uniform(0.6, 1.1)))
