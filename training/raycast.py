"""A ray-caster for batches of small scenes: first surface, what it belongs to, and the depth behind its silhouette.

Every solid is the affine image of a unit solid that is convex, so a ray meets it in one interval (Kay and Kajiya 1986 for
slabs): box |x|,|y|,|z| <= 1; ball; tube (a z cylinder); gable, a prism with its ridge along x, 0 <= z <= 1 - |y|.
Rays have unit camera depth, so a distance along one is planar depth in metres.
"""

from typing import NamedTuple

import torch

from .noise import noise

BOX, BALL, TUBE, GABLE, ROOM = range(5)  # ROOM: a box seen from inside
GROUND = 0  # owner of the plane z = 0
NOTHING = -1  # owner of the sky
_TINY = 1e-9
_NEAR = 0.05  # metres; nearer surfaces are inside the lens
_LEAVES, _LEAVES_REACH = (
    (9.0, 26.0, 60.0),
    1.6,
)  # bumps a radian on crowns of leaves, and how far they reach
_SEEDS, _ASIDE = (
    7.31,
    99,
)  # a seed for each scene from its camera's height; a place where noise has no seam


class Solids(NamedTuple):
    """Solids of a batch of scenes; slot p holds the same kind of solid in every scene."""

    kinds: torch.Tensor  # (P,) int64, BOX..ROOM
    centre: torch.Tensor  # (B, P, 3) world metres; a gable's is the middle of its base
    half: torch.Tensor  # (B, P, 3) half sizes, metres
    turn: torch.Tensor  # (B, P, 2) cosine and sine of the rotation about z
    owner: torch.Tensor  # (B, P) int64: parts of one object share it; GROUND for what hides nothing
    there: torch.Tensor  # (B, P) bool
    ragged: (
        torch.Tensor
    )  # (B, P) 0..1: how uneven a ball is, as crowns of leaves are; other solids have none

    def compact(self) -> tuple["Solids", torch.Tensor]:
        """The same scenes in as few slots as hold them, and the old slot of each new one, (B, P')."""
        order = []
        kinds = []
        for kind in range(5):
            slots = torch.nonzero(self.kinds == kind)[:, 0]
            if not len(slots):
                continue
            there = self.there[:, slots]
            most = int(there.sum(1).max())
            order.append(
                slots[torch.argsort((~there).to(torch.uint8), dim=1, stable=True)[:, :most]]
            )
            kinds += [kind] * most
        index = torch.cat(order, dim=1)
        wide = index[..., None]
        return Solids(
            torch.tensor(kinds, device=index.device),
            self.centre.gather(1, wide.expand(-1, -1, 3)),
            self.half.gather(1, wide.expand(-1, -1, 3)),
            self.turn.gather(1, wide.expand(-1, -1, 2)),
            self.owner.gather(1, index),
            self.there.gather(1, index),
            self.ragged.gather(1, index),
        ), index


class Hits(NamedTuple):
    """What rays meet, each (B, N)."""

    depth: torch.Tensor  # first surface; inf where there is none
    slot: torch.Tensor  # int64 of the solid; -1 for ground and sky
    owner: torch.Tensor  # int64; GROUND, NOTHING, or the solid's
    second: torch.Tensor  # the first surface of another owner; inf where there is none


def cast(solids: Solids, origin: torch.Tensor, rays: torch.Tensor) -> Hits:
    """Find the first surface of each ray, and the first one of another owner.

    Args:
        solids: of B scenes.
        origin: (B, 3) metres, above the ground.
        rays: (B, N, 3) world.
    """
    start = tuple(origin[:, i : i + 1] for i in range(3))
    ray = tuple(rays[..., i].contiguous() for i in range(3))
    leaves = _leaves(ray, (start[2] * _SEEDS) % 1)
    depth = torch.where(ray[2] < -_TINY, start[2] / (-ray[2]).clamp_min(_TINY), torch.inf)
    slot = torch.full_like(depth, -1, dtype=torch.int32)
    owner = torch.where(depth.isinf(), NOTHING, GROUND).int()
    second = torch.full_like(depth, torch.inf)
    for p, kind in enumerate(solids.kinds.tolist()):
        square = 1 + solids.ragged[:, p : p + 1] * leaves if kind == BALL else 1.0
        near, far = _interval(kind, *_to_local(solids, p, start, ray), square)
        hit = (near < far) & ((far if kind == ROOM else near) > _NEAR) & solids.there[:, p : p + 1]
        t = torch.where(hit, far if kind == ROOM else near, torch.inf)
        mine = solids.owner[:, p : p + 1].int()
        # The two nearest of different owners; sorted insertion keeps them exact in any order of solids.
        closer, same = t < depth, mine == owner
        second = torch.where(same, second, torch.minimum(second, torch.maximum(t, depth)))
        depth = torch.minimum(t, depth)
        owner = torch.where(closer, mine, owner)
        slot = torch.where(closer, p, slot)
    return Hits(depth, slot.long(), owner.long(), second)


def blocked(solids: Solids, origins: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """Whether anything but a room stands between points and a far light.

    Args:
        solids: of B scenes.
        origins: (B, N, 3) metres.
        direction: (B, 3) towards the light.

    Returns:
        (B, N) bool.
    """
    start = tuple(origins[..., i].contiguous() for i in range(3))
    ray = tuple(direction[:, i : i + 1] for i in range(3))
    shadow = torch.zeros_like(start[0], dtype=torch.bool)
    for p, kind in enumerate(solids.kinds.tolist()):
        if kind != ROOM:
            near, far = _interval(kind, *_to_local(solids, p, start, ray))
            shadow |= (near < far) & (far > _NEAR) & solids.there[:, p : p + 1]
    return shadow


def surface(
    solids: Solids, slot: torch.Tensor, points: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Normals of hit points, and where on their solids they lie.

    Args:
        solids: of B scenes.
        slot: (B, N) int64; below 0 for the ground.
        points: (B, N, 3) world metres.

    Returns:
        Unit normals in the world, outwards ((B, N, 3)); the same and the points in the solid's frame, points in metres.
    """
    on_ground = (slot < 0)[..., None]
    index = slot.clamp_min(0)
    wide = index[..., None].expand(-1, -1, 3)
    centre, half = solids.centre.gather(1, wide), solids.half.gather(1, wide)
    turn = solids.turn.gather(1, wide[..., :2])
    kind = solids.kinds[index]
    offset = points - centre
    metres = _spun(offset, turn[..., 0], turn[..., 1])
    normal = _local_normal(kind, metres / half, half)
    normal = normal / normal.norm(dim=-1, keepdim=True).clamp_min(_TINY)
    world = _spun(normal, turn[..., 0], -turn[..., 1])
    up = torch.tensor([0.0, 0.0, 1.0], device=points.device)
    return (
        torch.where(on_ground, up, world),
        torch.where(on_ground, up, normal),
        torch.where(on_ground, points, metres),
    )


Triple = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def _turned(
    x: torch.Tensor, y: torch.Tensor, z: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor
) -> Triple:
    """Rotate about z by minus the angle: from the world's axes to a solid's."""
    return x * cosine + y * sine, y * cosine - x * sine, z


def _spun(points: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """The same for points (B, N, 3)."""
    return torch.stack(
        _turned(points[..., 0], points[..., 1], points[..., 2], cosine, sine), dim=-1
    )


def _to_local(solids: Solids, p: int, start: Triple, ray: Triple) -> tuple[Triple, Triple]:
    """Rays in the frame where solid p is the unit solid."""
    cosine, sine = solids.turn[:, p, :1], solids.turn[:, p, 1:]
    centre, inverse = solids.centre[:, p], 1 / solids.half[:, p]
    offset = (start[0] - centre[:, :1], start[1] - centre[:, 1:2], start[2] - centre[:, 2:])
    moved, aimed = _turned(*offset, cosine, sine), _turned(*ray, cosine, sine)
    scales = inverse[:, :1], inverse[:, 1:2], inverse[:, 2:]
    return (
        (moved[0] * scales[0], moved[1] * scales[1], moved[2] * scales[2]),
        (aimed[0] * scales[0], aimed[1] * scales[1], aimed[2] * scales[2]),
    )


def _leaves(ray: Triple, seed: torch.Tensor) -> torch.Tensor:
    """What rays add to the squared radius of ragged balls, (B, N), about -1..1: bumps and holes, at all distances alike."""
    bumps = [
        noise(ray[0] * often + _ASIDE, ray[2] * often + _ASIDE, seed + often) - 0.5
        for often in _LEAVES
    ]
    return torch.stack(bumps).sum(0) * (2 / len(_LEAVES)) * _LEAVES_REACH


def _interval(
    kind: int, p: Triple, q: Triple, square: torch.Tensor | float = 1.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the rays p + t q enter and leave a unit solid; entry is after exit where they miss it; balls have that radius^2."""
    if kind == BALL:
        return _circle(p, q, square)
    if kind == TUBE:
        near, far = _circle(p[:2], q[:2])
        bottom, top = _slab(p[2], q[2])
        return torch.maximum(near, bottom), torch.minimum(far, top)
    near, far = _slab(p[0], q[0])
    if kind == GABLE:
        for distance, speed in (
            (1 - p[1] - p[2], q[1] + q[2]),
            (1 + p[1] - p[2], q[2] - q[1]),
            (p[2], -q[2]),
        ):
            t = distance / torch.where(speed.abs() < _TINY, _TINY, speed)
            near = torch.maximum(near, torch.where(speed < 0, t, -torch.inf))
            far = torch.minimum(far, torch.where(speed < 0, torch.inf, t))
        return near, far
    for axis in (1, 2):
        enter, leave = _slab(p[axis], q[axis])
        near, far = torch.maximum(near, enter), torch.minimum(far, leave)
    return near, far


def _slab(p: torch.Tensor, q: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Interval within -1..1 of one coordinate."""
    inverse = 1 / torch.where(q.abs() < _TINY, _TINY, q)
    middle, reach = -p * inverse, inverse.abs()
    return middle - reach, middle + reach


def _circle(
    p: tuple[torch.Tensor, ...], q: tuple[torch.Tensor, ...], square: torch.Tensor | float = 1.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Interval within a distance of the origin, given squared, over two or three coordinates."""
    a = sum(x * x for x in q) + _TINY
    b = sum(x * y for x, y in zip(p, q, strict=True))
    c = sum(x * x for x in p) - square
    root = b * b - a * c
    reach = root.clamp_min(0).sqrt()
    miss = root < 0
    return torch.where(miss, torch.inf, (-b - reach) / a), torch.where(
        miss, -torch.inf, (-b + reach) / a
    )


def _local_normal(kind: torch.Tensor, at: torch.Tensor, half: torch.Tensor) -> torch.Tensor:
    """Outward normals, not of unit length, at points of unit solids, in the solid's own metric frame."""
    x, y, z = at.unbind(-1)
    zero = torch.zeros_like(x)
    size = at.abs()
    largest = size.argmax(-1, keepdim=True)
    box = torch.zeros_like(at).scatter(-1, largest, at.gather(-1, largest).sign())
    ball = at / half
    cap = (size[..., 2] > torch.hypot(x, y))[
        ..., None
    ]  # on the tube's ends z is 1, on its side x and y are
    tube = torch.where(
        cap,
        torch.stack([zero, zero, z.sign()], -1),
        torch.stack([ball[..., 0], ball[..., 1], zero], -1),
    )
    faces = torch.stack([size[..., 0] - 1, y + z - 1, z - y - 1, -z], -1).argmax(-1)
    slope_y, slope_z = 1 / half[..., 1], 1 / half[..., 2]
    gables = [
        torch.stack([x.sign(), zero, zero], -1),
        torch.stack([zero, slope_y, slope_z], -1),
        torch.stack([zero, -slope_y, slope_z], -1),
        torch.stack([zero, zero, zero - 1], -1),
    ]
    gable = torch.stack(gables, -2).gather(-2, faces[..., None, None].expand(*faces.shape, 1, 3))[
        ..., 0, :
    ]
    normal = torch.where((kind == BALL)[..., None], ball, box)
    normal = torch.where((kind == TUBE)[..., None], tube, normal)
    normal = torch.where((kind == GABLE)[..., None], gable, normal)
    return torch.where((kind == ROOM)[..., None], -box, normal)
