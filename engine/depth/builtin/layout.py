"""The upright surfaces of a scene: for each compass direction, the first one that stands there.

The ground is read as a polar map, azimuth by distance (`polar.py`). Along each azimuth it ends
where appearance changes from ground to something else; a dynamic programme picks one upright plane
an azimuth, few planes in all, along the directions of the vanishing points (`upright.py`). These
planes are mixed about half and half, in logarithms, with a backdrop at the usual distance
(`pieces.py`): measured on photos with known depth, either alone is worse.
"""

from dataclasses import dataclass

import numpy as np

from ...camera import View
from . import groundness
from .gravity import Gravity
from .pieces import pieces_of
from .polar import Directions, azimuths_of, contact_cost, facing_of, guided_by_depth
from .upright import candidates_of, cheapest_path, without_slivers

_DISTANCES = 72  # steps of the polar map, from the least distance to the setting's farthest
_LEAST_DISTANCE = 0.8  # camera heights; nearer ground is below any usual picture
_HIGH = 5.0  # metres above the ground, a tripod on a balcony: up to here the usual distances hold

# Weights of the energy, picked on photos with measured depth.
_PRIOR_SPREAD = 0.8  # standard deviation of the log of distance about the usual one
_FACING = 1.0  # an azimuth, of a plane at right angles to the normals that the network sees

_GRAZING = 1e-9  # cosine: keeps the division finite where a direction never meets its plane


@dataclass(frozen=True)
class Setting:
    """The usual distances in- or outdoors, metres."""

    backdrop: float  # distance of the backdrop behind the ground
    farthest: float  # beyond it nothing stands

    def seen_from(self, height: float) -> "Setting":
        """Return the setting for a camera so many metres above the ground.

        From a drone or an aeroplane everything stands farther away.
        """
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
    doubt: np.ndarray  # (P,) log of distance by which evidence and usual distance disagree
    farthest: float  # metres; nothing stands beyond

    def piece(self, rays: np.ndarray) -> np.ndarray:
        """Return the index (...) of the plane that stands in world directions (..., 3)."""
        right = rays[..., 0]
        ahead = rays[..., 1]
        azimuth = np.arctan2(right, ahead)
        return np.searchsorted(self.borders, azimuth)

    def reach(self, rays: np.ndarray) -> np.ndarray:
        """Divide the distance to the plane by the length of the ray.

        Args:
            rays: (..., 3) world directions, of any length.

        Returns:
            (...) depth in metres for rays of unit depth; infinite where a ray meets no plane.
        """
        piece = self.piece(rays)
        normal_x = self.normals[piece, 0]
        normal_y = self.normals[piece, 1]
        right = rays[..., 0]
        ahead = rays[..., 1]
        towards = right * normal_x + ahead * normal_y  # (...), cosine times the ray's length
        least_towards = np.maximum(towards, _GRAZING)
        with np.errstate(divide="ignore"):
            reach = self.offsets[piece] / least_towards
        return np.where(towards > 0, reach, np.inf)


def usual_layout(setting: Setting) -> Layout:
    """Return one plane across the view at the usual distance, for a picture that shows nothing."""
    return Layout(
        borders=np.zeros(0),
        normals=np.array([[0.0, 1.0]]),
        offsets=np.array([setting.backdrop]),
        doubt=np.ones(1),
        farthest=setting.farthest,
    )


def find_layout(
    small: np.ndarray,
    sky: np.ndarray,
    view: View,
    gravity: Gravity,
    setting: Setting,
    depth: np.ndarray | None = None,
    ground: np.ndarray | None = None,
    normals: np.ndarray | None = None,
) -> Layout:
    """Find the upright surfaces.

    Args:
        small: (H, W, 3) float32, sRGB-encoded, 0..1: the picture on the view's grid, a few hundred
            pixels wide.
        sky: (H, W) bool.
        view: of that grid, posed over z = 0.
        gravity: for the directions of the horizontal lines.
        setting: the usual distances.
        depth: (H, W) planar metres, a network's; it moves the usual distance of each azimuth.
        ground: (H, W) probability, a network's, weighed evenly with that of colours.
        normals: (H, W, 3) unit normals in the world, towards the camera, a network's: planes should
            face the same way.
    """
    directions = Directions.of(view)
    azimuths = azimuths_of(directions)
    nearest = _LEAST_DISTANCE * view.position[2]
    distances = np.geomspace(nearest, setting.farthest, _DISTANCES)

    # The cost of an end of the ground at each distance along each azimuth, (A, K).
    probability = _ground_probability(small, sky, directions, ground)
    level_edges = groundness.row_edges(small)
    contact = contact_cost(probability, level_edges, view, azimuths, distances)

    # Unusual distances cost more.
    usual = _log_backdrop(setting, azimuths)  # (A,)
    if depth is None:
        deviation = np.log(distances / setting.backdrop)  # (K,)
    else:
        usual = guided_by_depth(usual, depth, directions, azimuths, view.position[2], sky)
        deviation = np.log(distances) - usual[:, None]  # (A, K)
    contact += _prior_cost(deviation)

    # The cost of each candidate at each azimuth, (L, A).
    planes = candidates_of(azimuths, distances, gravity)
    cost = planes.cost(contact, distances)
    if normals is not None:
        facing = facing_of(normals, directions, azimuths, sky)
        cost += _FACING * planes.turned(facing)

    # One plane an azimuth, with changes where the picture has upright edges.
    middle_row = len(small) // 2
    columns = directions.azimuth[middle_row]  # (W,)
    edges = groundness.column_edges(small, sky)  # (W,)
    edge_strength = np.interp(azimuths, columns, edges)  # (A,)
    path = cheapest_path(cost, np.log(planes.reach), edge_strength)
    path = without_slivers(path)
    pieces = pieces_of(path, planes, azimuths, usual, columns, edges)
    return Layout(*pieces, farthest=setting.farthest)


def _ground_probability(
    small: np.ndarray,
    sky: np.ndarray,
    directions: Directions,
    predicted: np.ndarray | None,
) -> np.ndarray:
    """Return the probability of ground (H, W) by colours, or the mean with a predicted one."""
    by_colours = groundness.ground_probability(small, directions.slope, sky)
    if predicted is None:
        return by_colours
    return (by_colours + predicted) / 2


def _log_backdrop(setting: Setting, azimuths: np.ndarray) -> np.ndarray:
    """Return the log of the distance, at each azimuth, of a plane across the view."""
    across_view = setting.backdrop / np.cos(azimuths)
    distance = np.minimum(across_view, setting.farthest)
    return np.log(distance)


def _prior_cost(deviation: np.ndarray) -> np.ndarray:
    """Return the cost of logs of distance that deviate so from the usual one: half their square."""
    standardised = deviation / _PRIOR_SPREAD
    return 0.5 * standardised**2
