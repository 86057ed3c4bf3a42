"""The constants of the kernels, once for all of Python; tests/engine/test_constants.py reads C's.

They are those of Kerbl et al. 2023 as gsplat 1.5.3 has them, where no other source is given, so
that the engine and gsplat draw the same picture.
"""

# ---- how a splat is projected

LOW_PASS = 0.3  # square pixels, added to the covariance on the picture; gsplat's eps2d
FAR_PLANE = 1e10  # metres; farther splats are not drawn
# Metres. A nearer splat is not drawn, whatever near plane is asked for: at the eye itself nothing
# can be projected. Ours.
NEAREST = 1e-6
# A share of half the picture. The projection's Jacobian follows a splat so far beyond the edge and
# is held there, where it would grow without bound.
FRUSTUM_MARGIN = 0.3

# ---- which splats can be drawn at all (`prepare_one` of rasterise.c)

# The square of a quaternion's length lies between these, or the splat has no rotation. Ours: the
# squares of its parts then stay within float32.
LEAST_ROTATION = 1e-24
LARGEST_ROTATION = 1e24

# ---- how splats are blended

# A splat of less opacity is not drawn in a pixel; a pixel of less alpha has no depth, normal or id.
NOTHING_ALPHA = 1 / 255
MAX_ALPHA = 0.999  # of one splat in one pixel
# Transmittance. A pixel is finished before the splat that would leave no more light than this.
MIN_LIGHT = 1e-4

# ---- how the kernels lay out splats and pictures (rasterise.h)

TILE_WIDTH = 32  # pixels, a multiple of LANES
TILE_HEIGHT = 16  # pixels
LANES = 8  # splats of a block: floats of a vector register
# Numbers of a prepared splat: mean (3), rotation times scales (9), log2 of the opacity.
PLANES = 13
LOG_OPACITY = 12  # the plane with log2 of the opacity
CULLED = -1e30  # log2 of the opacity of a splat that is never drawn
CHUNK_BLOCKS = 32  # blocks that are culled, or chosen from a level of detail, as one
CHUNK_SPLATS = CHUNK_BLOCKS * LANES
SUMS = 10  # numbers that a record gathers on the way back; rasterise_backward.h
