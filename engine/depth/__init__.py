"""Depth: a photo to metric depth, with its camera, its uncertainty and its surfaces' normals.

    photo ─► estimating ─► the chosen source: builtin, learned ─► placing ─► DepthEstimate

`placing` puts a depth map of any origin into our world; the built-in source measures there already.
"""

from .record import DEFAULT_CAMERA_HEIGHT, DepthEstimate, DepthOptions

__all__ = ["DEFAULT_CAMERA_HEIGHT", "DepthEstimate", "DepthOptions"]
