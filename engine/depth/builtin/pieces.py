"""Runs of azimuths that chose one plane, made into upright surfaces that meet one another.

Surfaces are drawn towards the usual distance; those that share a corner move together, and borders
are put on corners or on the picture's upright edges.
"""

from typing import NamedTuple

import numpy as np

from .upright import Candidates

# The planes' share, in logarithms, against the usual distance: measured on photos with known depth.
_PLANES_SHARE = 0.6
_MEETS = 0.3  # log of distance; planes found nearer to each other than this share a corner
_CORNER_REACH = 5  # azimuths between the place of a corner and the change of plane in the path
_PARALLEL = 1e-9  # metres; planes whose cut is shorter than this have none
_JOINED = 0.25  # log of distance; planes that miss each other by less than this are made to meet
_GRAZING = 0.05  # cosine; planes seen more edge-on than this have no certain place at their border


class Pieces(NamedTuple):
    """Upright surfaces side by side, P of them, from left to right."""

    borders: np.ndarray  # (P - 1,) radians, ascending
    normals: np.ndarray  # (P, 2) unit, x and y in the world, away from the camera
    offsets: np.ndarray  # (P,) metres from below the camera along the normal
    doubt: np.ndarray  # (P,) log of distance by which planes and usual distance disagree


def pieces_of(
    path: np.ndarray,
    planes: Candidates,
    azimuths: np.ndarray,
    usual: np.ndarray,
    columns: np.ndarray,
    strength: np.ndarray,
) -> Pieces:
    """Make surfaces of the runs of a path.

    Args:
        path: (A,) index of each azimuth's plane.
        planes: all that the path chose from.
        azimuths: (A,) radians.
        usual: (A,) log of distance along the ground.
        columns: (W,) azimuths of the picture's columns.
        strength: (W,) of their upright edges.
    """
    # Each run of one plane is a surface.
    (changes,) = np.nonzero(np.diff(path))
    firsts = changes + 1  # (P - 1,) azimuths at which a run begins, but for the first run
    starts = np.concatenate([[0], firsts])  # (P,)
    ends = np.concatenate([firsts, [len(path)]])  # (P,)
    width = ends - starts  # azimuths
    labels = path[starts]
    normals = planes.normals[labels]

    # Surfaces that are about equally far where they change meet in a corner.
    azimuth_indices = np.arange(len(path))
    distance = planes.reach[path, azimuth_indices]  # (A,) metres
    log_distance = np.log(distance)
    jump = log_distance[firsts] - log_distance[changes]
    meets = np.abs(jump) < _MEETS  # (P - 1,)

    # A surface is drawn towards the usual distance. Those that meet are drawn by their mean, which
    # keeps their corners: all are scaled about the camera.
    beyond_usual = log_distance - usual
    excess = np.array([run.mean() for run in np.split(beyond_usual, firsts)])  # (P,)
    group_excess = _group_means(excess, width, meets)
    scale = np.exp((_PLANES_SHARE - 1) * group_excess)
    offsets = planes.offsets[labels] * scale

    borders = _edge_borders(azimuths, changes, columns, strength)
    step = azimuths[1] - azimuths[0]
    borders = _moved_to_corners(borders, normals, offsets, meets, _CORNER_REACH * step)
    offsets = _joined(offsets, normals, borders, width)
    return Pieces(borders, normals, offsets, np.abs(excess))


def _group_means(values: np.ndarray, weights: np.ndarray, meets: np.ndarray) -> np.ndarray:
    """Average values (P,) with weights (P,) over each group of surfaces that meet.

    Args:
        values: (P,).
        weights: (P,).
        meets: (P - 1,) bool: True if a surface meets the next.

    Returns:
        (P,), the mean of each surface's group.
    """
    group = np.concatenate([[0], np.cumsum(~meets)])  # (P,)
    total = np.bincount(group, values * weights)
    weight = np.bincount(group, weights)
    means = total / weight
    return means[group]


def _edge_borders(
    azimuths: np.ndarray,
    changes: np.ndarray,
    columns: np.ndarray,
    strength: np.ndarray,
) -> np.ndarray:
    """Put each border on the strongest upright edge near the change of plane.

    Args:
        azimuths: (A,) radians.
        changes: (P - 1,) index of the last azimuth before each change.
        columns: (W,) azimuths of the picture's columns.
        strength: (W,) of their upright edges.

    Returns:
        (P - 1,) radians.
    """
    borders = np.zeros(len(changes))
    for i, change in enumerate(changes):
        left = azimuths[change]
        right = azimuths[change + 1]
        borders[i] = _border(left, right, columns, strength)
    return borders


def _moved_to_corners(
    borders: np.ndarray,
    normals: np.ndarray,
    offsets: np.ndarray,
    meets: np.ndarray,
    reach: float,
) -> np.ndarray:
    """Move borders to the corner of the two surfaces, where these meet and it is not far.

    Args:
        borders: (P - 1,) radians.
        normals: (P, 2).
        offsets: (P,) metres.
        meets: (P - 1,) bool: True if a surface meets the next.
        reach: radians by which a border may move.

    Returns:
        (P - 1,) radians, ascending.
    """
    moved = borders.copy()
    for left in np.nonzero(meets)[0]:
        both = slice(left, left + 2)
        corner = _corner(normals[both], offsets[both])
        if abs(corner - moved[left]) < reach:
            moved[left] = corner
    # A corner may have passed the border before it: then the surface between them vanishes.
    return np.maximum.accumulate(moved)


def _border(left: float, right: float, columns: np.ndarray, strength: np.ndarray) -> float:
    """Return the azimuth of the strongest upright edge between two azimuths or half a step beyond.

    It is their middle where no column of the picture lies there.
    """
    slack = (right - left) / 2
    from_left = columns > left - slack
    to_right = columns < right + slack
    within = from_left & to_right
    (near,) = np.nonzero(within)
    if not len(near):
        return (left + right) / 2
    strongest = near[strength[near].argmax()]
    return float(columns[strongest])


def _corner(normals: np.ndarray, offsets: np.ndarray) -> float:
    """Return the azimuth, before the camera, at which two planes cut each other.

    Args:
        normals: (2, 2).
        offsets: (2,) metres.

    Returns:
        Radians; infinite for parallel planes.
    """
    # Both planes are at one distance along a direction d: it is at right angles to `across`.
    left_normal, right_normal = normals
    left_offset, right_offset = offsets
    across = right_offset * left_normal - left_offset * right_normal
    if np.linalg.norm(across) <= _PARALLEL:
        return float("inf")
    side = 1 if across[0] > 0 else -1
    right = -across[1] * side
    ahead = across[0] * side
    return float(np.arctan2(right, ahead))


def _joined(
    offsets: np.ndarray,
    normals: np.ndarray,
    borders: np.ndarray,
    width: np.ndarray,
) -> np.ndarray:
    """Make planes that nearly meet at their border meet there: smaller steps are within the error.

    The narrower side moves, with all that is joined to it already: planes that are scaled about the
    camera keep their corners.

    Args:
        offsets: (P,) metres.
        normals: (P, 2).
        borders: (P - 1,) radians.
        width: (P,) azimuths.

    Returns:
        (P,) metres.
    """
    offsets = offsets.copy()
    group = np.arange(len(offsets))  # (P,) planes of one number are joined
    for left, border in enumerate(borders):
        both = slice(left, left + 2)
        direction = [np.sin(border), np.cos(border)]
        towards = normals[both] @ direction  # (2,)
        if (towards < _GRAZING).any():
            continue
        left_distance, right_distance = offsets[both] / towards
        if abs(np.log(right_distance / left_distance)) > _JOINED:
            continue

        left_group = group == group[left]
        right_group = group == group[left + 1]
        if width[left_group].sum() >= width[right_group].sum():
            offsets[right_group] *= left_distance / right_distance
        else:
            offsets[left_group] *= right_distance / left_distance
        group[right_group] = group[left]
    return offsets
