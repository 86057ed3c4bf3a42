"""A ray-caster for batches of small scenes: first surface, its owner, and the depth behind it.

Every solid is the affine image of a unit solid that is convex, so a ray meets it in one interval
(Kay and Kajiya 1986 for slabs): box |x|, |y|, |z| <= 1; ball; tube (a cylinder along z); gable, a
prism with its ridge along x, 0 <= z <= 1 - |y|. Rays have unit camera depth, so that a distance
along one is planar depth in metres.
"""

from typing import NamedTuple

import torch

from .noise import noise

BOX, BALL, TUBE, GABLE, ROOM = range(5)  # kinds of solids; ROOM is a box seen from inside
_KINDS = 5
GROUND = 0  # owner of the plane z = 0
NOTHING = -1  # owner of the sky
_TINY = 1e-9  # stands for 0 where something is divided by it
_NEAR = 0.05  # metres; nearer surfaces are inside the lens

# Crowns of leaves are balls with bumps and holes: three octaves of noise on the rays' directions.
_LEAVES = (9.0, 26.0, 60.0)  # bumps a radian
_LEAVES_REACH = 1.6  # largest change of the squared radius of a ball, in that of the even one
_LEAVES_SEED = 7.31  # makes a seed for each scene of its camera's height
_ASIDE = 99  # moves the noise to where it has no seam

Triple = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # x, y, z
Interval = tuple[torch.Tensor, torch.Tensor]  # the distances at which a ray enters and leaves


class Solids(NamedTuple):
    """Solids of a batch of scenes; slot p holds the same kind of solid in every scene."""

    kinds: torch.Tensor  # (P,) int64, BOX..ROOM
    centre: torch.Tensor  # (B, P, 3) world metres; a gable's is the middle of its base
    half: torch.Tensor  # (B, P, 3) half sizes, metres
    turn: torch.Tensor  # (B, P, 2) cosine and sine of the rotation about z
    owner: torch.Tensor  # (B, P) int64: parts of one object share it; GROUND for what hides nothing
    there: torch.Tensor  # (B, P) bool: the scene has a solid in this slot
    ragged: torch.Tensor  # (B, P) 0..1: how uneven a ball is, as crowns of leaves are; else 0

    def compact(self) -> tuple["Solids", torch.Tensor]:
        """Return the same scenes in as few slots as hold them, and each slot's old one, (B, P')."""
        old_slots = []
        kinds = []
        for kind in range(_KINDS):
            slots = torch.nonzero(self.kinds == kind)[:, 0]
            if not len(slots):
                continue
            # in each scene the solids that are there come first, in their order
            there = self.there[:, slots]
            most = int(there.sum(1).max())
            order = torch.argsort(
                (~there).to(torch.uint8),
                dim=1,
                stable=True,
            )
            old_slots.append(slots[order[:, :most]])
            kinds += [kind] * most
        index = torch.cat(old_slots, dim=1)
        triples = index[..., None].expand(-1, -1, 3)
        pairs = index[..., None].expand(-1, -1, 2)
        compact = Solids(
            kinds=torch.tensor(kinds, device=index.device),
            centre=self.centre.gather(1, triples),
            half=self.half.gather(1, triples),
            turn=self.turn.gather(1, pairs),
            owner=self.owner.gather(1, index),
            there=self.there.gather(1, index),
            ragged=self.ragged.gather(1, index),
        )
        return compact, index


class Hits(NamedTuple):
    """The surfaces that rays meet; each field is (B, N)."""

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
    start = _columns(origin)  # each [B, 1]
    ray = _components(rays)  # each [B, N]
    leaves = _leaves(ray, (start[2] * _LEAVES_SEED) % 1)

    # the ground comes first
    depth = _ground_depth(start[2], ray[2])
    slot = torch.full_like(depth, -1, dtype=torch.int32)
    owner = torch.where(
        depth.isinf(),
        NOTHING,
        GROUND,
    ).int()
    second = torch.full_like(depth, torch.inf)

    for p, kind in enumerate(solids.kinds.tolist()):
        square = 1 + solids.ragged[:, p : p + 1] * leaves if kind == BALL else 1.0
        local_start, local_ray = _to_local(solids, p, start, ray)
        near, far = _interval(kind, local_start, local_ray, square)
        # a room is seen from inside, where rays leave it
        meets = far if kind == ROOM else near
        hit = (near < far) & (meets > _NEAR) & solids.there[:, p : p + 1]
        t = torch.where(hit, meets, torch.inf)

        # The two nearest of different owners; sorted insertion keeps them exact in any order of
        # solids.
        solid_owner = solids.owner[:, p : p + 1].int()
        closer = t < depth
        same = solid_owner == owner
        farther = torch.maximum(t, depth)
        second = torch.where(
            same,
            second,
            torch.minimum(second, farther),
        )
        depth = torch.minimum(t, depth)
        owner = torch.where(closer, solid_owner, owner)
        slot = torch.where(closer, p, slot)
    return Hits(
        depth,
        slot.long(),
        owner.long(),
        second,
    )


def _ground_depth(height: torch.Tensor, falling: torch.Tensor) -> torch.Tensor:
    """Return the depth at which rays meet the plane z = 0; inf if they do not fall."""
    depth = height / (-falling).clamp_min(_TINY)
    return torch.where(
        falling < -_TINY,
        depth,
        torch.inf,
    )


def blocked(solids: Solids, origins: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """Find the points from which a far light is hidden by a solid; a room hides none.

    Args:
        solids: of B scenes.
        origins: (B, N, 3) metres.
        direction: (B, 3) towards the light.

    Returns:
        (B, N) bool.
    """
    start = _components(origins)
    ray = _columns(direction)
    shadow = torch.zeros_like(start[0], dtype=torch.bool)
    for p, kind in enumerate(solids.kinds.tolist()):
        if kind == ROOM:
            continue
        local_start, local_ray = _to_local(solids, p, start, ray)
        near, far = _interval(kind, local_start, local_ray)
        shadow |= (near < far) & (far > _NEAR) & solids.there[:, p : p + 1]
    return shadow


def surface(
    solids: Solids,
    slot: torch.Tensor,
    points: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return normals of hit points, and the points in the frames of their solids.

    Args:
        solids: of B scenes.
        slot: (B, N) int64; below 0 for the ground.
        points: (B, N, 3) world metres.

    Returns:
        Unit normals in the world, outwards; the same in the solid's frame; the points in the
        solid's frame, metres. Each is (B, N, 3).
    """
    on_ground = (slot < 0)[..., None]
    index = slot.clamp_min(0)
    triples = index[..., None].expand(-1, -1, 3)
    centre = solids.centre.gather(1, triples)
    half = solids.half.gather(1, triples)
    cosine, sine = solids.turn.gather(1, triples[..., :2]).unbind(-1)
    kind = solids.kinds[index]

    metres = _rotated(points - centre, cosine, sine)
    normal = _local_normal(kind, metres / half, half)
    normal = normal / normal.norm(dim=-1, keepdim=True).clamp_min(_TINY)
    world_normal = _rotated(normal, cosine, -sine)
    up = torch.tensor([0.0, 0.0, 1.0], device=points.device)
    return (
        torch.where(on_ground, up, world_normal),
        torch.where(on_ground, up, normal),
        torch.where(on_ground, points, metres),
    )


def _columns(vectors: torch.Tensor) -> Triple:
    """Return the coordinates of one vector a scene, (B, 3), each (B, 1)."""
    x, y, z = vectors.split(1, dim=1)
    return x, y, z


def _components(vectors: torch.Tensor) -> Triple:
    """Return the coordinates of vectors (B, N, 3), each (B, N), in memory of their own."""
    x, y, z = vectors.unbind(-1)
    return x.contiguous(), y.contiguous(), z.contiguous()


def _turned(vector: Triple, cosine: torch.Tensor, sine: torch.Tensor) -> Triple:
    """Rotate about z by minus the angle: from the world's axes to a solid's."""
    x, y, z = vector
    return (
        x * cosine + y * sine,
        y * cosine - x * sine,
        z,
    )


def _rotated(points: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Rotate points (B, N, 3) about z by minus the angle."""
    x, y, z = points.unbind(-1)
    return torch.stack(
        _turned(
            (x, y, z),
            cosine,
            sine,
        ),
        dim=-1,
    )


def _to_local(solids: Solids, p: int, start: Triple, ray: Triple) -> tuple[Triple, Triple]:
    """Map rays to the frame where solid p is the unit solid."""
    cosine, sine = solids.turn[:, p].split(1, dim=1)
    centre = _columns(solids.centre[:, p])
    scale = _columns(1 / solids.half[:, p])
    offset = (
        start[0] - centre[0],
        start[1] - centre[1],
        start[2] - centre[2],
    )
    local_start = _turned(offset, cosine, sine)
    local_ray = _turned(ray, cosine, sine)
    return _product(local_start, scale), _product(local_ray, scale)


def _product(first: Triple, second: Triple) -> Triple:
    return (
        first[0] * second[0],
        first[1] * second[1],
        first[2] * second[2],
    )


def _leaves(ray: Triple, seed: torch.Tensor) -> torch.Tensor:
    """Return the change of the squared radius of ragged balls for each ray, (B, N), about -1..1.

    The noise lies on the rays' directions, so that leaves are equally fine at all distances.
    """
    x, _, z = ray
    octaves = []
    for frequency in _LEAVES:
        u = x * frequency + _ASIDE
        v = z * frequency + _ASIDE
        octaves.append(
            noise(
                u,
                v,
                seed + frequency,
            )
            - 0.5
        )
    return torch.stack(octaves).sum(0) * (2 / len(_LEAVES)) * _LEAVES_REACH


def _interval(kind: int, p: Triple, q: Triple, square: torch.Tensor | float = 1.0) -> Interval:
    """Return the interval in which rays p + t q lie within a unit solid.

    The entry is after the exit where a ray misses the solid.

    Args:
        kind: of the solid.
        p: where the rays start.
        q: their directions.
        square: the squared radius, if the solid is a ball.
    """
    if kind == BALL:
        return _circle(p, q, square)
    if kind == TUBE:
        return _intersection(_circle(p[:2], q[:2]), _slab(p[2], q[2]))
    if kind == GABLE:
        return _gable(p, q)
    box = _slab(p[0], q[0])
    for axis in (1, 2):
        box = _intersection(box, _slab(p[axis], q[axis]))
    return box


def _intersection(first: Interval, second: Interval) -> Interval:
    """Return the interval that is in both."""
    near = torch.maximum(first[0], second[0])
    far = torch.minimum(first[1], second[1])
    return near, far


def _gable(p: Triple, q: Triple) -> Interval:
    """Return the interval within the prism |x| <= 1, 0 <= z <= 1 - |y|."""
    near, far = _slab(p[0], q[0])
    # for each of its three other planes, the distance inwards, and how fast a ray goes outwards
    planes = (
        (1 - p[1] - p[2], q[1] + q[2]),
        (1 + p[1] - p[2], q[2] - q[1]),
        (p[2], -q[2]),
    )
    for distance, speed in planes:
        t = distance / _not_zero(speed)
        enters = speed < 0
        near = torch.maximum(
            near,
            torch.where(
                enters,
                t,
                -torch.inf,
            ),
        )
        far = torch.minimum(
            far,
            torch.where(
                enters,
                torch.inf,
                t,
            ),
        )
    return near, far


def _slab(p: torch.Tensor, q: torch.Tensor) -> Interval:
    """Return the interval in which one coordinate is within -1..1."""
    inverse = 1 / _not_zero(q)
    middle = -p * inverse
    reach = inverse.abs()
    return middle - reach, middle + reach


def _not_zero(value: torch.Tensor) -> torch.Tensor:
    return torch.where(value.abs() < _TINY, _TINY, value)


def _circle(
    p: tuple[torch.Tensor, ...],
    q: tuple[torch.Tensor, ...],
    square: torch.Tensor | float = 1.0,
) -> Interval:
    """Return the interval within a circle or a ball about the origin.

    Args:
        p: two or three coordinates of where the rays start.
        q: those of their directions.
        square: the squared radius.
    """
    # |p + t q|^2 = square is a t^2 + 2 b t + c = 0
    a = sum(x * x for x in q) + _TINY
    b = sum(x * y for x, y in zip(p, q, strict=True))
    c = sum(x * x for x in p) - square
    discriminant = b * b - a * c
    misses = discriminant < 0
    root = discriminant.clamp_min(0).sqrt()
    near = torch.where(
        misses,
        torch.inf,
        (-b - root) / a,
    )
    far = torch.where(
        misses,
        -torch.inf,
        (-b + root) / a,
    )
    return near, far


def _local_normal(kind: torch.Tensor, at: torch.Tensor, half: torch.Tensor) -> torch.Tensor:
    """Return outward normals, not of unit length, in the solid's own metric frame.

    Args:
        kind: of each point's solid.
        at: the points, on unit solids.
        half: half sizes of the solids.
    """
    # a gradient of the unit solid, over the sizes, is the gradient in metres
    ball = at / half
    box = _box_normal(at)
    normal = torch.where(
        (kind == BALL)[..., None],
        ball,
        box,
    )
    normal = torch.where(
        (kind == TUBE)[..., None],
        _tube_normal(at, ball),
        normal,
    )
    normal = torch.where(
        (kind == GABLE)[..., None],
        _gable_normal(at, half),
        normal,
    )
    return torch.where(
        (kind == ROOM)[..., None],
        -box,
        normal,
    )


def _box_normal(at: torch.Tensor) -> torch.Tensor:
    """Return the axis along which a point is farthest out."""
    largest = at.abs().argmax(-1, keepdim=True)
    direction = at.gather(-1, largest).sign()
    return torch.zeros_like(at).scatter(-1, largest, direction)


def _tube_normal(at: torch.Tensor, ball: torch.Tensor) -> torch.Tensor:
    x, y, z = at.unbind(-1)
    zero = torch.zeros_like(x)
    # on the tube's ends z is 1, on its side the radius is
    on_end = z.abs() > torch.hypot(x, y)
    return torch.where(
        on_end[..., None],
        torch.stack([zero, zero, z.sign()], -1),
        torch.stack([ball[..., 0], ball[..., 1], zero], -1),
    )


def _gable_normal(at: torch.Tensor, half: torch.Tensor) -> torch.Tensor:
    x, y, z = at.unbind(-1)
    zero = torch.zeros_like(x)
    _, half_y, half_z = half.unbind(-1)
    slope_y = 1 / half_y
    slope_z = 1 / half_z
    # the plane that the point lies on is the one farthest out: ends, two slopes, base
    outside = torch.stack(
        [
            x.abs() - 1,
            y + z - 1,
            z - y - 1,
            -z,
        ],
        -1,
    )
    face = outside.argmax(-1)
    normals = torch.stack(
        [
            torch.stack([x.sign(), zero, zero], -1),
            torch.stack([zero, slope_y, slope_z], -1),
            torch.stack([zero, -slope_y, slope_z], -1),
            torch.stack([zero, zero, zero - 1], -1),
        ],
        -2,
    )
    index = face[..., None, None].expand(*face.shape, 1, 3)
    return normals.gather(-2, index)[..., 0, :]
