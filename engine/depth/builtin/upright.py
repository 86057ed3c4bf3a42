"""Candidates of upright planes, and the cheapest choice of one for each azimuth.

Candidates stand across the view and along the directions of the vanishing points, at all distances.
A dynamic programme picks one for each azimuth, few in all.
"""

from dataclasses import dataclass

import numpy as np

from .gravity import Gravity

_OFFSETS = 28  # distances of each family of parallel planes

# Weights of the energy, picked on photos with measured depth, in units of a contact's cost.
_SWITCH = 6.0  # a change of plane between neighbouring azimuths
_FRONTAL = 0.1  # a plane across the view, which no vanishing point supports
_BEYOND = 2.0  # a plane beyond the farthest distance at this azimuth
_NEVER = 1e3  # a plane nearer than the least distance at this azimuth

_AT_EDGE = 0.5  # share of a change's cost that a full upright edge takes away
_AT_MEETING = 0.2  # share of a change's cost that is left where both planes meet
_MEETING = 0.5  # log of distance from which planes do not nearly meet
_TOLERANCE = 0.02  # of the range of distances, for the rounding of its ends
_LEAST_WIDTH = 4  # azimuths; narrower runs are noise
_LEAST_SEEN = 2  # azimuths at which a candidate must be within the range of distances
_GRAZING = 1e-6  # cosine: keeps the distance along an azimuth finite


@dataclass(frozen=True, eq=False)
class Candidates:
    """All upright planes that are considered, L of them."""

    normals: np.ndarray  # (L, 2) unit, x and y in the world, away from the camera
    offsets: np.ndarray  # (L,) metres from below the camera along the normal
    # (L, A) metres on the ground at each azimuth, kept within twice the range of distances.
    reach: np.ndarray

    def cost(self, contact: np.ndarray, distances: np.ndarray) -> np.ndarray:
        """Return the cost of each plane at each azimuth, (L, A).

        Args:
            contact: (A, K) cost of a contact with the ground.
            distances: (K,) metres, in geometric steps, at which the contacts are.
        """
        low = distances[0]
        high = distances[-1]
        last = len(distances) - 1

        # Interpolate the cost of contacts at each plane's distance.
        log_range = np.log(high / low)
        place = np.log(self.reach / low) / log_range * last
        place = np.clip(place, 0, last)  # (L, A)
        below = np.minimum(place.astype(int), last - 1)
        part = place - below
        azimuths = np.arange(len(contact))
        cost = contact[azimuths, below] * (1 - part)
        cost = cost + contact[azimuths, below + 1] * part

        too_far = self.reach > high * (1 + _TOLERANCE)
        too_near = self.reach < low * (1 - _TOLERANCE)
        outside = np.where(too_far, _BEYOND, 0)
        outside = outside + np.where(too_near, _NEVER, 0)
        is_frontal = self.normals[:, 1] == 1.0
        frontal = np.where(is_frontal, _FRONTAL, 0)
        return cost + outside + frontal[:, None]

    def turned(self, facing: np.ndarray) -> np.ndarray:
        """Measure how far each plane is turned from the surfaces seen at each azimuth.

        Args:
            facing: (A, 2) mean normals, away from the camera.

        Returns:
            (L, A), 0 for not at all, up to twice the length of the mean normal.
        """
        length = np.linalg.norm(facing, axis=-1)
        return length - self.normals @ facing.T


def candidates_of(azimuths: np.ndarray, distances: np.ndarray, gravity: Gravity) -> Candidates:
    """List planes across the view and along the vanishing points' directions, at all distances.

    Args:
        azimuths: (A,) radians.
        distances: (K,) metres, ascending; planes stand within their range.
        gravity: its azimuth counts where it is trusted.
    """
    angles = [0.0]
    if gravity.trusted:
        angles += [gravity.azimuth, gravity.azimuth + np.pi / 2]
    directions = np.stack([np.sin(azimuths), np.cos(azimuths)])  # (2, A)
    low = distances[0]
    high = distances[-1]
    offsets = np.geomspace(low, high, _OFFSETS)

    all_normals = []
    all_offsets = []
    all_reaches = []
    for angle in angles:
        for side in (1, -1):
            right = -np.sin(angle)
            ahead = np.cos(angle)
            forward = np.array([right, ahead])
            normal = side * forward
            towards = np.maximum(normal @ directions, _GRAZING)
            reach = offsets[:, None] / towards  # (_OFFSETS, A), metres along each azimuth
            within = (reach < high) & (reach > low)
            seen = within.sum(axis=1) >= _LEAST_SEEN
            count = int(seen.sum())
            reach = np.clip(reach[seen], low / 2, high * 2)
            all_normals.append(np.tile(normal, (count, 1)))
            all_offsets.append(offsets[seen])
            all_reaches.append(reach)
    return Candidates(
        normals=np.vstack(all_normals),
        offsets=np.concatenate(all_offsets),
        reach=np.vstack(all_reaches),
    )


def cheapest_path(cost: np.ndarray, log_distance: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Choose a plane for each azimuth so that planes and changes cost least (Viterbi 1967).

    Args:
        cost: (L, A) of each plane at each azimuth.
        log_distance: (L, A) of each plane at each azimuth: where two meet a change costs less.
        edges: (A,) 0..1, strength of upright edges: at an edge a change costs less.

    Returns:
        (A,) index of the plane.
    """
    labels, count = cost.shape
    total = cost[:, 0].copy()  # (L,) cost of the cheapest path that ends in each plane
    came_from = np.zeros((count, labels), int)
    for i in range(1, count):
        here = log_distance[:, i]
        difference = here[:, None] - here[None, :]  # (L, L), from the row to the column
        jump = np.abs(difference)
        at_edge = 1 - _AT_EDGE * edges[i]
        apart = np.minimum(jump / _MEETING, 1)  # 0 where both planes meet .. 1
        at_meeting = _AT_MEETING + (1 - _AT_MEETING) * apart
        switch = _SWITCH * at_edge * at_meeting
        np.fill_diagonal(switch, 0)

        reach = total[:, None] + switch
        came_from[i] = reach.argmin(axis=0)
        total = reach.min(axis=0) + cost[:, i]

    # Back along the cheapest path from its end.
    path = np.zeros(count, int)
    path[-1] = total.argmin()
    for i in range(count - 1, 0, -1):
        path[i - 1] = came_from[i, path[i]]
    return path


def without_slivers(path: np.ndarray) -> np.ndarray:
    """Give runs of a path (A,) that are too narrow to be surfaces to their wider neighbour."""
    path = path.copy()
    while True:
        changes = np.nonzero(np.diff(path))[0] + 1
        starts = np.concatenate([[0], changes, [len(path)]])
        widths = np.diff(starts)
        if len(widths) == 1 or widths.min() >= _LEAST_WIDTH:
            return path

        thin = int(widths.argmin())
        first = starts[thin]
        end = starts[thin + 1]
        # Beyond the path's ends there is no neighbour.
        padded = [-1, *widths, -1]
        left_width = padded[thin]
        right_width = padded[thin + 2]
        if left_width >= right_width:
            path[first:end] = path[first - 1]
        else:
            path[first:end] = path[end]
