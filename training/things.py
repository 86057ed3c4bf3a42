"""The things of the training scenes: tables of the solids that each is made of.

A thing has up to three boxes, two balls and a tube; those that it does not use have half sizes of
0. Metres; x to the thing's right, y to its back, z up from the ground.
"""

from .raycast import BALL, BOX, TUBE

# Materials of surfaces.
FACADE, BRICK, PLAIN, WOOD, LEAVES, CLOTH, TILES, POSTER, ROUGH, GLASS, TYRE = range(11)
PARTS = (BOX, BOX, BOX, BALL, BALL, TUBE)  # the kinds of a thing's parts, in order
_BOXES = 3
_BALLS = 2

# x, y, z of the centre, half sizes along x, y, z, and the material
Part = tuple[float, float, float, float, float, float, int]
_NONE: Part = (0, 0, 0, 0, 0, 0, PLAIN)


def _thing(
    boxes: tuple[Part, ...] = (), balls: tuple[Part, ...] = (), tube: Part = _NONE
) -> tuple[Part, ...]:
    """Return six parts in the order of PARTS."""
    no_boxes = [_NONE] * (_BOXES - len(boxes))
    no_balls = [_NONE] * (_BALLS - len(balls))
    return (
        *boxes,
        *no_boxes,
        *balls,
        *no_balls,
        tube,
    )


_OUTSIDE = {
    "car": _thing(
        (
            (0, 0, 0.6, 0.88, 2.15, 0.32, PLAIN),
            (0, 0.25, 1.13, 0.76, 1.15, 0.27, GLASS),
            (0, 0.35, 1.42, 0.72, 0.95, 0.03, PLAIN),
        ),
        ((0, -1.35, 0.33, 0.9, 0.34, 0.33, TYRE), (0, 1.35, 0.33, 0.9, 0.34, 0.33, TYRE)),
    ),
    "van": _thing(
        (
            (0, 0.3, 1.3, 1.0, 2.4, 0.95, PLAIN),
            (0, -2.2, 0.8, 0.95, 0.6, 0.5, PLAIN),
            (0, -1.95, 1.6, 0.9, 0.2, 0.35, GLASS),
        ),
        ((0, -1.9, 0.36, 1.02, 0.37, 0.36, TYRE), (0, 1.7, 0.36, 1.02, 0.37, 0.36, TYRE)),
    ),
    "person": _thing(
        (
            (0, 0, 1.12, 0.20, 0.12, 0.32, CLOTH),
            (-0.1, 0.04, 0.42, 0.075, 0.09, 0.42, CLOTH),
            (0.1, -0.06, 0.42, 0.075, 0.09, 0.42, CLOTH),
        ),
        ((0, 0, 1.64, 0.09, 0.11, 0.13, PLAIN), (0, 0, 1.3, 0.26, 0.13, 0.2, CLOTH)),
        (0, 0, 1.48, 0.05, 0.05, 0.06, PLAIN),
    ),
    "tree": _thing(
        (),
        ((0, 0, 4.2, 2.1, 2.0, 2.1, LEAVES), (1.1, 0.3, 3.6, 1.5, 1.5, 1.3, LEAVES)),
        (0, 0, 1.5, 0.17, 0.17, 1.5, WOOD),
    ),
    "shrub": _thing(
        (), ((0, 0, 0.5, 0.8, 0.7, 0.6, LEAVES), (0.7, 0.2, 0.4, 0.6, 0.6, 0.5, LEAVES))
    ),
    "hedge": _thing(((0, 0, 0.7, 2.5, 0.4, 0.7, LEAVES),)),
    "pole": _thing(
        ((0, -0.1, 2.5, 0.4, 0.03, 0.4, POSTER),), (), (0, 0, 2.0, 0.06, 0.06, 2.0, PLAIN)
    ),
    "wall": _thing(((0, 0, 0.6, 3.0, 0.15, 0.6, BRICK),)),
    "column": _thing(((0, 0, 0.2, 0.5, 0.5, 0.2, BRICK),), (), (0, 0, 2.5, 0.35, 0.35, 2.5, BRICK)),
}
_INSIDE = {
    "table": _thing(
        (
            (0, 0, 0.72, 0.75, 0.42, 0.03, WOOD),
            (-0.65, 0, 0.35, 0.05, 0.35, 0.35, WOOD),
            (0.65, 0, 0.35, 0.05, 0.35, 0.35, WOOD),
        ),
        ((0.2, 0.1, 0.85, 0.12, 0.12, 0.1, PLAIN),),
        (-0.3, 0, 0.87, 0.05, 0.05, 0.12, GLASS),
    ),
    "chair": _thing(
        (
            (0, 0, 0.45, 0.23, 0.23, 0.04, CLOTH),
            (0, 0.21, 0.75, 0.23, 0.03, 0.28, CLOTH),
            (0, 0, 0.03, 0.2, 0.2, 0.03, PLAIN),
        ),
        (),
        (0, 0, 0.22, 0.04, 0.04, 0.22, PLAIN),
    ),
    "sofa": _thing(
        (
            (0, 0, 0.22, 0.95, 0.42, 0.22, CLOTH),
            (0, 0.36, 0.55, 0.95, 0.12, 0.3, CLOTH),
            (-0.9, 0, 0.32, 0.1, 0.42, 0.32, CLOTH),
        ),
        ((0.3, 0.2, 0.55, 0.22, 0.12, 0.2, CLOTH),),
    ),
    "bed": _thing(
        ((0, 0, 0.25, 0.8, 1.0, 0.25, CLOTH), (0, 1.0, 0.55, 0.8, 0.05, 0.45, WOOD)),
        ((0, 0.65, 0.55, 0.5, 0.2, 0.1, PLAIN),),
    ),
    "shelf": _thing(((0, 0, 0.95, 0.5, 0.18, 0.95, POSTER), (0, 0, 1.92, 0.53, 0.2, 0.02, WOOD))),
    "cupboard": _thing(
        (
            (0, 0, 0.45, 0.6, 0.3, 0.45, WOOD),
            (0, 0, 1.9, 0.6, 0.18, 0.35, PLAIN),
            (0, 0, 0.92, 0.62, 0.32, 0.02, PLAIN),
        )
    ),
    "plant": _thing(
        (), ((0, 0, 0.7, 0.3, 0.3, 0.4, LEAVES),), (0, 0, 0.18, 0.15, 0.15, 0.18, PLAIN)
    ),
    "lamp": _thing(
        (), ((0, 0, 1.5, 0.18, 0.18, 0.15, PLAIN),), (0, 0, 0.75, 0.02, 0.02, 0.75, PLAIN)
    ),
    "carton": _thing(((0, 0, 0.25, 0.3, 0.25, 0.25, PLAIN), (0.1, 0, 0.6, 0.2, 0.2, 0.1, POSTER))),
    "person": _OUTSIDE["person"],
}
TABLE = (*_OUTSIDE.values(), *_INSIDE.values())
# The chances of the things in TABLE, in its order, of being picked for a scene: outdoors, in rooms,
# and close to the camera. A thing that is added or moved needs its entry in all three.
OUTSIDE_WEIGHTS = (5, 1.5, 4, 4, 2, 1, 2, 1, 1, *[0] * len(_INSIDE))
INSIDE_WEIGHTS = (*[0] * len(_OUTSIDE), 3, 4, 2.5, 1.5, 2, 2, 1.5, 1, 1.5, 1.5)
CLOSE_WEIGHTS = (1, 0, 3, 1, 3, 1, 1, 1, 1, 2, 2, 1, 0, 1, 1, 2, 1, 2, 2)
