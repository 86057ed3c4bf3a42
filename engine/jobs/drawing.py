"""The renderer's options for a frame of a scene, the same in every job that draws one."""

from ..render import RenderOptions
from ..scene import Scene


def drawing_options(scene: Scene, moving: bool = False) -> RenderOptions:
    """Choose the renderer's options.

    Splats that were lifted from a photo are antialiased: they do not shimmer where the camera is
    far from them.
    """
    focal = scene.photo_view.fx if scene.maps is not None else None
    return RenderOptions(
        photo_position=scene.photo_eye,
        photo_focal=focal,
        antialiased=focal is not None,
        moving=moving,
    )
