"""Depth: a photo to metric depth, with its camera, its uncertainty and its surfaces' normals.

Photo ─► estimating (the chosen source: builtin, learned) ─► placing (into our world) ─► DepthEstimate
"""

from .record import DEFAULT_CAMERA_HEIGHT, DepthEstimate, DepthOptions

__all__ = ["DEFAULT_CAMERA_HEIGHT", "DepthEstimate", "DepthOptions"]
