"""What stands on the ground: for each compass direction, how far away the first upright surface is.

The ground is read as a polar map, azimuth by distance. Along each azimuth it ends where appearance changes from ground
to something else; a dynamic programme picks one upright plane an azimuth, few planes in all, along the directions of the
vanishing points. What it finds is mixed about half and half, in logarithms, with a backdrop at the usual distance: measured on
photos with known depth, either alone is worse.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ...camera import View
from . import groundness
from .gravity import Gravity

AZIMUTHS = 96
_MOST_AZIMUTH = 1.3  # radians to either side
_DISTANCES = 72
_LEAST_DISTANCE = 0.8  # camera heights; nearer ground is below any usual picture
_OFFSETS = 28  # distances of each family of planes
_PRIOR_SPREAD = 0.8  # standard deviation of the logarithm of distance
# Weights of the energy, picked on photos with measured depth: neighbouring pixels repeat each other's evidence, so that
# a pixel counts little; a contact on an edge is likelier; a change of plane must pay.
_EVIDENCE, _EDGE, _SWITCH, _FRONTAL, _BEYOND = 0.08, 0.5, 6.0, 0.1, 2.0
_PROBABILITY_RANGE = (0.03, 0.97)
_REFERENCE_WIDTH = 256  # pixels; evidence is counted as in a picture of this width
_MOST_PIXELS = 6  # that one step of distance may count for
_NEVER = 1e3
_HIGH = 5.0  # metres above the ground, a tripod on a balcony: up to here the usual distances hold
_MEETING = 0.5  # logarithm of distance; planes that nearly meet switch for less
_MIX = 0.6
_STANDS, _UPPERMOST = (
    0.3,
    1.0,
)  # camera heights above the ground, and slope above the horizon: what counts as upright
_ENOUGH = 6  # pixels of a direction
_FACING, _UPRIGHT = (
    1.0,
    0.5,
)  # what a plane against the network's normals costs, a direction; and what is upright in them
_GUESS_SHARE = 0.6  # of the network's distance against the usual one, in logarithms
_LEAST_WIDTH = 4  # azimuths; narrower pieces are noise
_MEETS = 0.3  # logarithm of distance; planes found nearer to each other than this share a corner
_CORNER_REACH = 5  # azimuths between where the corner is and where the programme switched
_PARALLEL = 1e-9
_JOINED = 0.25  # logarithm of distance; planes that miss each other by less than this meet
_GRAZING = 0.05  # cosine; planes seen more edge-on than this have no certain place at their border


@dataclass(frozen=True)
class Setting:
    """What is usual in- or outdoors, metres."""

    backdrop: float  # distance of what stands behind the ground
    farthest: float  # beyond it nothing stands

    def seen_from(self, height: float) -> "Setting":
        """The same for a camera so many metres up: from a drone or an aeroplane everything stands farther away."""
        growth = max(1.0, height / _HIGH)
        return Setting(self.backdrop * growth, self.farthest * growth)


OUTDOORS = Setting(backdrop=20.0, farthest=80.0)
INDOORS = Setting(backdrop=4.0, farthest=12.0)


@dataclass(frozen=True, eq=False)
class Layout:
    """Upright planes side by side, each over a range of azimuths from +Y towards +X."""

    borders: np.ndarray  # (P - 1,) radians, ascending: where one plane gives way to the next
    normals: np.ndarray  # (P, 2) unit, x and y in the world, away from the camera
    offsets: np.ndarray  # (P,) metres from below the camera along the normal
    doubt: np.ndarray  # (P,) how far evidence and usual distance disagree, in logarithms
    farthest: float  # metres; nothing stands beyond

    def piece(self, rays: np.ndarray) -> np.ndarray:
        """Which plane stands in the way of world directions (..., 3)."""
        return np.searchsorted(self.borders, np.arctan2(rays[..., 0], rays[..., 1]))

    def reach(self, rays: np.ndarray) -> np.ndarray:
        """How many times a world direction (..., 3) fits between the camera and its plane; inf where it never meets it."""
        piece = self.piece(rays)
        towards = rays[..., 0] * self.normals[piece, 0] + rays[..., 1] * self.normals[piece, 1]
        with np.errstate(divide="ignore"):
            return np.where(towards > 0, self.offsets[piece] / np.maximum(towards, 1e-9), np.inf)


def usual_layout(setting: Setting) -> Layout:
    """One plane across the view at the usual distance: what is left where the picture says nothing."""
    one = np.ones(1)
    return Layout(
        np.zeros(0), np.array([[0.0, 1.0]]), setting.backdrop * one, one, setting.farthest
    )


def find_layout(
    small: np.ndarray,
    sky: np.ndarray,
    view: View,
    gravity: Gravity,
    setting: Setting,
    guess: np.ndarray | None = None,
    level: np.ndarray | None = None,
    facing: np.ndarray | None = None,
) -> Layout:
    """Find the upright surfaces.

    Args:
        small: (H, W, 3) float32, sRGB-encoded, 0..1: the picture on the view's grid, a few hundred pixels wide.
        sky: (H, W) bool.
        view: of that grid, posed over z = 0.
        gravity: for the directions of the horizontal lines.
        setting: what is usual.
        guess: (H, W) planar metres, a network's; what it says of a direction moves what is usual there.
        level: (H, W) 0..1, the network's probability of ground, weighed evenly with that of colours.
        facing: (H, W, 3) unit normals in the world, towards the camera, a network's: planes should face the same way.
    """
    rays = view.rays() @ view.world_from_camera[:3, :3].T
    elevation = rays[..., 2] / np.hypot(rays[..., 0], rays[..., 1])
    azimuth = _azimuths(rays, elevation)
    distances = np.geomspace(_LEAST_DISTANCE * view.position[2], setting.farthest, _DISTANCES)
    probability = groundness.ground_probability(small, elevation, sky)
    if level is not None:
        probability = (probability + level) / 2
    cost = _contact_cost(probability, groundness.row_edges(small), view, azimuth, distances)
    usual = np.log(np.minimum(setting.backdrop / np.cos(azimuth), setting.farthest))
    if guess is None:
        cost += 0.5 * (np.log(distances / setting.backdrop) / _PRIOR_SPREAD) ** 2
    else:
        usual = _guessed(guess, rays, elevation, azimuth, view.position[2], sky, usual)
        cost += 0.5 * ((np.log(distances) - usual[:, None]) / _PRIOR_SPREAD) ** 2
    planes = _planes(azimuth, distances, gravity)
    unary = planes.cost(cost, distances)
    if facing is not None:
        unary += _FACING * planes.turned(_faced(facing, rays, elevation, azimuth, sky))
    columns = np.arctan2(rays[len(rays) // 2, :, 0], rays[len(rays) // 2, :, 1])
    strength = groundness.column_edges(small, sky)
    path = _best_path(unary, np.log(planes.reach), np.interp(azimuth, columns, strength))
    return _pieces(
        _without_slivers(path), planes, azimuth, usual, setting.farthest, columns, strength
    )


def _azimuths(rays: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    """(A,) evenly over what the picture shows at moderate elevation."""
    level = np.abs(elevation) < _MEETING
    seen = np.arctan2(rays[..., 0], rays[..., 1])[level if level.any() else np.ones_like(level)]
    return np.linspace(max(seen.min(), -_MOST_AZIMUTH), min(seen.max(), _MOST_AZIMUTH), AZIMUTHS)


def _guessed(
    guess: np.ndarray,
    rays: np.ndarray,
    elevation: np.ndarray,
    azimuth: np.ndarray,
    height: float,
    sky: np.ndarray,
    usual: np.ndarray,
) -> np.ndarray:
    """(A,) logarithm of the usual distance, moved towards that at which a depth map (H, W) has upright things."""
    across = np.log(guess * np.hypot(rays[..., 0], rays[..., 1]))
    stands = ~sky & (height + guess * rays[..., 2] > _STANDS * height) & (elevation < _UPPERMOST)
    bins = np.clip(
        np.round(
            np.interp(np.arctan2(rays[..., 0], rays[..., 1]), azimuth, np.arange(len(azimuth)))
        ),
        0,
        None,
    )
    found = usual.copy()
    for i in range(len(azimuth)):
        here = across[stands & (np.abs(bins - i) <= 1)]
        if len(here) >= _ENOUGH:
            found[i] += _GUESS_SHARE * (np.median(here) - usual[i])
    return found


def _faced(
    facing: np.ndarray,
    rays: np.ndarray,
    elevation: np.ndarray,
    azimuth: np.ndarray,
    sky: np.ndarray,
) -> np.ndarray:
    """(A, 2) mean horizontal normal, away from the camera, of what is upright in a direction; 0 where nothing is."""
    upright = ~sky & (np.abs(facing[..., 2]) < _UPRIGHT) & (elevation < _UPPERMOST)
    place = np.interp(
        np.arctan2(rays[..., 0], rays[..., 1])[upright], azimuth, np.arange(len(azimuth))
    )
    bins = np.round(place).astype(int)
    count = np.bincount(bins, minlength=len(azimuth))
    sums = [np.bincount(bins, -facing[..., axis][upright], len(azimuth)) for axis in (0, 1)]
    return np.stack(sums, axis=-1) / np.maximum(count, _ENOUGH)[:, None]


def _contact_cost(
    probability: np.ndarray,
    edges: np.ndarray,
    view: View,
    azimuth: np.ndarray,
    distances: np.ndarray,
) -> np.ndarray:
    """(A, K) what it costs that the ground ends at a distance: pixels before it should look like ground, those behind not."""
    across = np.stack([np.sin(azimuth), np.cos(azimuth), np.zeros(len(azimuth))], axis=-1)
    pixels, depth = view.project(across[:, None] * distances[None, :, None])
    inside = (depth > 0) & (pixels > 0).all(-1) & (pixels < [view.width, view.height]).all(-1)
    x, y = np.moveaxis(np.where(inside[..., None], pixels - 0.5, 0).astype(np.float32), -1, 0)
    ground = np.clip(cv2.remap(probability, x, y, cv2.INTER_LINEAR), *_PROBABILITY_RANGE)
    rows = (
        np.abs(np.gradient(np.where(inside, pixels[..., 1], 0), axis=1))
        * _REFERENCE_WIDTH
        / view.width
    )
    logit = np.where(inside, np.log(ground / (1 - ground)) * np.minimum(rows, _MOST_PIXELS), 0)
    before = np.cumsum(logit, axis=1) - logit
    return -_EVIDENCE * before - _EDGE * np.where(
        inside, cv2.remap(edges, x, y, cv2.INTER_LINEAR), 0
    )


@dataclass(frozen=True, eq=False)
class _Planes:
    """All upright planes that are considered, L of them."""

    normals: np.ndarray  # (L, 2) away from the camera
    offsets: np.ndarray  # (L,) metres
    reach: (
        np.ndarray
    )  # (L, A) metres on the ground at each azimuth, kept within twice the range of distances

    def cost(self, contact: np.ndarray, distances: np.ndarray) -> np.ndarray:
        """(L, A) what each plane costs at each azimuth, from the cost (A, K) of contacts."""
        low, high = distances[[0, -1]]
        last = len(distances) - 1
        place = np.clip(np.log(self.reach / low) / np.log(high / low) * last, 0, last)
        below = np.minimum(place.astype(int), last - 1)
        rows, part = np.arange(len(contact)), place - below
        cost = contact[rows, below] * (1 - part) + contact[rows, below + 1] * part
        cost += np.where(self.reach > high * 1.02, _BEYOND, 0) + np.where(
            self.reach < low * 0.98, _NEVER, 0
        )
        return cost + np.where(self.normals[:, 1] == 1.0, _FRONTAL, 0)[:, None]

    def turned(self, faced: np.ndarray) -> np.ndarray:
        """(L, A) how much each plane is turned from mean normals (A, 2): 0 for none, up to twice their length."""
        return np.linalg.norm(faced, axis=-1) - self.normals @ faced.T


def _planes(azimuth: np.ndarray, distances: np.ndarray, gravity: Gravity) -> _Planes:
    """Planes across the view and along the vanishing points' directions, at all distances."""
    angles = [0.0] + ([gravity.azimuth, gravity.azimuth + np.pi / 2] if gravity.trusted else [])
    across = np.stack([np.sin(azimuth), np.cos(azimuth)])
    low, high = distances[[0, -1]]
    ladder = np.geomspace(low, high, _OFFSETS)
    normals, offsets, reaches = [], [], []
    for angle in angles:
        for side in (1, -1):
            normal = side * np.array([-np.sin(angle), np.cos(angle)])
            reach = ladder[:, None] / np.maximum(normal @ across, 1e-6)
            seen = ((reach < high) & (reach > low)).sum(axis=1) >= 2
            normals.append(np.tile(normal, (int(seen.sum()), 1)))
            offsets.append(ladder[seen])
            reaches.append(np.clip(reach[seen], low / 2, high * 2))
    return _Planes(np.vstack(normals), np.concatenate(offsets), np.vstack(reaches))


def _best_path(unary: np.ndarray, log_distance: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(A,) the cheapest label for each azimuth (Viterbi); switching is cheaper at upright edges and where planes meet."""
    labels, count = unary.shape
    total, back = unary[:, 0].copy(), np.zeros((count, labels), int)
    for i in range(1, count):
        jump = np.abs(log_distance[:, None, i] - log_distance[None, :, i])
        switch = _SWITCH * (1 - 0.5 * edges[i]) * (0.2 + 0.8 * np.minimum(jump / _MEETING, 1))
        np.fill_diagonal(switch, 0)
        reach = total[:, None] + switch
        back[i] = reach.argmin(axis=0)
        total = reach.min(axis=0) + unary[:, i]
    path = np.zeros(count, int)
    path[-1] = total.argmin()
    for i in range(count - 1, 0, -1):
        path[i - 1] = back[i, path[i]]
    return path


def _without_slivers(path: np.ndarray) -> np.ndarray:
    """The labels with runs too narrow to be surfaces given to their left, or at the edge their right, neighbour."""
    path = path.copy()
    while True:
        starts = np.concatenate([[0], np.nonzero(np.diff(path))[0] + 1, [len(path)]])
        widths = np.diff(starts)
        if len(widths) == 1 or widths.min() >= _LEAST_WIDTH:
            return path
        thin = int(widths.argmin())
        left, right = (
            (widths[thin - 1] if thin else -1),
            (widths[thin + 1] if thin + 1 < len(widths) else -1),
        )
        path[starts[thin] : starts[thin + 1]] = (
            path[starts[thin] - 1] if left >= right else path[starts[thin + 1]]
        )


def _pieces(
    path: np.ndarray,
    planes: _Planes,
    azimuth: np.ndarray,
    usual: np.ndarray,
    farthest: float,
    columns: np.ndarray,
    strength: np.ndarray,
) -> Layout:
    """Runs of one label as planes, drawn towards the usual distance; those that meet in a corner move together."""
    firsts = np.concatenate([[0], np.nonzero(np.diff(path))[0] + 1])
    labels, runs = path[firsts], np.split(np.arange(len(path)), firsts[1:])
    found = np.log(planes.reach[path, np.arange(len(path))])
    apart = np.array([(found[run] - usual[run]).mean() for run in runs])
    width, normals = np.array([len(run) for run in runs]), planes.normals[labels]
    meets = np.abs(found[firsts[1:]] - found[firsts[1:] - 1]) < _MEETS
    group = np.concatenate([[0], np.cumsum(~meets)])
    together = np.bincount(group, apart * width) / np.bincount(group, width)
    offsets = planes.offsets[labels] * np.exp((_MIX - 1) * together[group])
    borders = np.array(
        [_border(azimuth[first - 1], azimuth[first], columns, strength) for first in firsts[1:]]
    )
    for piece in np.nonzero(meets)[0]:
        corner = _corner(normals[piece : piece + 2], offsets[piece : piece + 2])
        if abs(corner - borders[piece]) < _CORNER_REACH * (azimuth[1] - azimuth[0]):
            borders[piece] = corner
    borders = np.maximum.accumulate(borders)
    return Layout(
        borders, normals, _joined(offsets, normals, borders, width), np.abs(apart), farthest
    )


def _corner(normals: np.ndarray, offsets: np.ndarray) -> float:
    """The azimuth in the view's half of the ground where two planes (2, 2), (2,) cut each other; inf where parallel."""
    across = offsets[1] * normals[0] - offsets[0] * normals[1]
    way = np.array([-across[1], across[0]]) * (1 if across[0] > 0 else -1)
    return float(np.arctan2(way[0], way[1])) if np.linalg.norm(across) > _PARALLEL else float("inf")


def _joined(
    offsets: np.ndarray, normals: np.ndarray, borders: np.ndarray, width: np.ndarray
) -> np.ndarray:
    """Offsets (P,) with planes that nearly meet at a border made to meet there: smaller steps are within the error.

    The narrower side moves, with all that is joined to it already: scaling planes about the camera keeps their corners.
    """
    offsets, group = offsets.copy(), np.arange(len(offsets))
    for left, border in enumerate(borders):
        towards = normals[left : left + 2] @ [np.sin(border), np.cos(border)]
        if (towards < _GRAZING).any():
            continue
        near, far = offsets[left : left + 2] / towards
        if abs(np.log(far / near)) > _JOINED:
            continue
        mine, other = group == group[left], group == group[left + 1]
        if width[mine].sum() >= width[other].sum():
            offsets[other] *= near / far
        else:
            offsets[mine] *= far / near
        group[other] = group[left]
    return offsets


def _border(left: float, right: float, columns: np.ndarray, strength: np.ndarray) -> float:
    """The strongest upright edge between two azimuths, or half a step beyond; their middle where no column lies there."""
    slack = (right - left) / 2
    near = np.nonzero((columns > left - slack) & (columns < right + slack))[0]
    return float(columns[near[strength[near].argmax()]]) if len(near) else (left + right) / 2
