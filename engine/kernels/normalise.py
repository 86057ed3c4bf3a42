"""From a pixel's sums over its splats to the passes: one set of formulas for NumPy arrays and PyTorch tensors alike.

What `write_tile` of rasterise_blend.c does, for the NumPy twin and for the CUDA renderer.
"""

from typing import Any

from .constants import NOTHING_ALPHA

MIN_SQUARE = 1e-12  # of a blended normal's length; below, the normals have cancelled
MIN_LENGTH = 1e-12  # metres; nearer to the photo's eye no direction is left

Array = Any  # a NumPy array or a PyTorch tensor: both know .sum, .clip, arithmetic and comparison, by the same names


def finish(
    lib: Any,
    sums: dict[str, Array],
    ids: dict[str, Array],
    rays: Array,
    photo_from_eye: Array | None,
) -> dict[str, Array]:
    """The passes of `ProxyRender` by name.

    Args:
        lib: the module of the arrays, `numpy` or `torch`.
        sums: weighted by each splat's share of the pixel: `color` (H, W, 3), `depth` (H, W) metres, `normal` (H, W, 3) world,
            facing the eye, `confidence` (H, W); and `alpha` (H, W), the shares' sum.
        ids: `region` and `origin` (H, W) of the heaviest splat; read only where alpha is not below NOTHING_ALPHA.
        rays: (H, W, 3) world directions through the pixels, of planar depth 1.
        photo_from_eye: (3,) metres, world, the photo's eye seen from this one; None where there is no photo.

    Returns:
        color, alpha, depth (inf where nothing), normal (unit, facing the eye; 0), confidence (0..1; 0), region, origin (-1).
    """
    alpha = sums["alpha"]
    there = alpha >= NOTHING_ALPHA
    depth = sums["depth"] / alpha.clip(NOTHING_ALPHA, None)
    to_eye = -rays / lib.sqrt((rays * rays).sum(-1))[..., None]
    square = (sums["normal"] * sums["normal"]).sum(-1)
    normal = sums["normal"] / lib.sqrt(square.clip(MIN_SQUARE, None))[..., None]
    normal = lib.where((square > MIN_SQUARE)[..., None], normal, to_eye)
    # Blended by weight, the confidence is already "mean times coverage".
    confidence = sums["confidence"]
    if photo_from_eye is not None:
        to_photo = photo_from_eye - rays * lib.where(there, depth, 1.0)[..., None]
        length = lib.sqrt((to_photo * to_photo).sum(-1)).clip(MIN_LENGTH, None)
        confidence = confidence * ((to_eye * to_photo).sum(-1) / length).clip(0, 1)
    return {
        "color": sums["color"],
        "alpha": alpha,
        "depth": lib.where(there, depth, float("inf")),
        "normal": lib.where(there[..., None], normal, 0.0),
        "confidence": lib.where(there, confidence.clip(0, 1), 0.0),
        "region": lib.where(there, ids["region"], -1),
        "origin": lib.where(there, ids["origin"], -1),
    }
