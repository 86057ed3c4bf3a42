"""From a pixel's sums over its splats to the passes, for NumPy arrays and PyTorch tensors alike.

`write_tile` of rasterise_blend.c, for the NumPy twin and for the CUDA renderer.
"""

from typing import Any

from ..tables.passes import BY_NAME
from .constants import NOTHING_ALPHA

MIN_SQUARE = 1e-12  # of a blended normal's length; below it the normals have cancelled
MIN_LENGTH = 1e-12  # metres; nearer to the photo's eye a point has no direction to it

# A NumPy array or a PyTorch tensor: both know .sum, .clip, arithmetic and comparison, by the same
# names.
Array = Any


def finish(
    lib: Any,
    sums: dict[str, Array],
    ids: dict[str, Array],
    rays: Array,
    photo_from_eye: Array | None,
) -> dict[str, Array]:
    """Compute the passes of `ProxyRender` that the kernels write, by name.

    Args:
        lib: the module of the arrays, `numpy` or `torch`.
        sums: weighted by each splat's share of the pixel: `color` (H, W, 3), `depth` (H, W) metres,
            `normal` (H, W, 3) world, facing the eye, `confidence` (H, W); and `alpha` (H, W), the
            shares' sum.
        ids: `region` and `origin` (H, W) of the heaviest splat; read only where alpha is not below
            NOTHING_ALPHA.
        rays: (H, W, 3) world directions through the pixels, of planar depth 1.
        photo_from_eye: (3,) metres, world, the photo's eye seen from this one; None where there is
            no photo.

    Returns:
        color, alpha, depth (inf where nothing), normal (unit, facing the eye; 0), confidence (0..1;
        0), region, origin (-1).
    """
    alpha = sums["alpha"]
    is_covered = alpha >= NOTHING_ALPHA
    expected_depth = sums["depth"] / alpha.clip(NOTHING_ALPHA, None)
    ray_square = (rays * rays).sum(-1)
    ray_length = lib.sqrt(ray_square)
    to_eye = -rays / ray_length[..., None]  # [H, W, 3], unit
    # Blended by weight, the confidence is already "mean times coverage".
    confidence = sums["confidence"]
    if photo_from_eye is not None:
        some_depth = lib.where(is_covered, expected_depth, 1.0)
        points = rays * some_depth[..., None]  # [H, W, 3], from the eye
        to_photo = photo_from_eye - points
        confidence = confidence * _angle_term(lib, to_eye, to_photo)
    passes = {
        "depth": expected_depth,
        "normal": _unit_normal(lib, sums["normal"], to_eye),
        "confidence": confidence.clip(0, 1),
        "region": ids["region"],
        "origin": ids["origin"],
    }
    # A pixel that is hardly covered has colour and alpha alone.
    for name, values in passes.items():
        each = BY_NAME[name]
        mask = is_covered[..., None] if each.shape else is_covered
        passes[name] = lib.where(mask, values, each.nothing)
    return {
        "color": sums["color"],
        "alpha": alpha,
        **passes,
    }


def _unit_normal(lib: Any, blended: Array, to_eye: Array) -> Array:
    """Return blended normals (H, W, 3) at unit length; the way to the eye where they cancel."""
    square = (blended * blended).sum(-1)
    has_direction = square > MIN_SQUARE
    length = lib.sqrt(square.clip(MIN_SQUARE, None))
    normal = blended / length[..., None]
    return lib.where(has_direction[..., None], normal, to_eye)


def _angle_term(lib: Any, to_eye: Array, to_photo: Array) -> Array:
    """Return the cosine (H, W), 0..1, at each point between the ways to this eye and the photo's.

    Args:
        lib: the module of the arrays, `numpy` or `torch`.
        to_eye: (H, W, 3) unit.
        to_photo: (H, W, 3) metres.
    """
    square = (to_photo * to_photo).sum(-1)
    distance = lib.sqrt(square).clip(MIN_LENGTH, None)
    product = (to_eye * to_photo).sum(-1)
    cosine = product / distance
    return cosine.clip(0, 1)
