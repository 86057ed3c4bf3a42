"""The renderer's constants, once in Python; a test holds the C files and the overlay's shader to them.

Most are gsplat 1.5.3's (Ye et al. 2025), so that pictures of both agree.
"""

# --- Blending

# Square pixels, added to a splat's covariance on the picture (gsplat's eps2d).
LOW_PASS = 0.3
# The most that one splat covers of one pixel.
MAX_ALPHA = 0.999
# Less of a splat is not drawn; with less coverage a pixel has no depth, normal or id.
NOTHING_ALPHA = 1 / 255
# A pixel is finished before the splat that would leave no more light than this.
MIN_LIGHT = 1e-4

# --- Projection

# Metres: splats beyond are not drawn.
FAR_PLANE = 1e10
# Metres: at the eye itself nothing can be projected, whatever the near limit.
NEAREST = 1e-6
# Part of half the picture: how far beyond its edge the Jacobian follows a splat.
FRUSTUM_MARGIN = 0.3
# Squares of a quaternion's length between which it is a rotation.
LEAST_ROTATION = 1e-24
MOST_ROTATION = 1e24

# --- Layout of the kernels' arrays

# Pixels a side of what one call of the blending kernel draws.
TILE_WIDTH = 32
TILE_HEIGHT = 16
# Splats in a block, and floats of each: the mean, the shape, the logarithm of the opacity.
LANES = 8
PLANES = 13
# The plane of a block with log2 of the opacity.
LOG_OPACITY = 12
# That plane's value for a splat that is never drawn.
CULLED = -1e30
# A chunk is culled, or chosen from a level of detail, as one.
CHUNK_BLOCKS = 32
CHUNK_SPLATS = CHUNK_BLOCKS * LANES
