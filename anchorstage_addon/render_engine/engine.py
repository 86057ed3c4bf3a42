"""The render engine itself."""

from pathlib import Path
from typing import Any, NamedTuple

import bpy
from mathutils import Matrix

from .. import convert, link, scene_state
from .passes import COMBINED, data_passes, fill, read_planes, region_passes
from .picture import Picture
from .rendered import Rendered, Shot, failure, forget, keep

ENGINE = "ANCHORSTAGE"


class Refused(Exception):
    """There is nothing to render, and why."""


class Eye(NamedTuple):
    """One picture of a frame: the only one, or one of a stereo pair."""

    name: str  # Blender's name of the render view, "" where there is one picture
    suffix: str  # what its files' names end with
    view: dict[str, Any]  # of the whole frame


class AnchorStageRenderEngine(bpy.types.RenderEngine):
    """Renders the splats of the AnchorStage scene through Blender's camera."""

    bl_idname = ENGINE
    bl_label = "AnchorStage"
    bl_use_preview = False
    bl_use_postprocess = True
    bl_use_eevee_viewport = True

    def update_render_passes(self, scene: bpy.types.Scene, layer: bpy.types.ViewLayer) -> None:
        """Tell Blender which passes a render layer has."""
        for one in (COMBINED, *data_passes(scene)):
            self.register_pass(scene, layer, *one)

    def render(self, depsgraph: bpy.types.Depsgraph) -> None:
        """Render one view layer of one frame.

        Blender calls it in its render thread, or in its main thread with `-b`.
        """
        forget(depsgraph.scene.name)
        try:
            self._render(depsgraph)
        except (Refused, convert.CameraError, link.EngineError) as error:
            # An error report ends the animation and keeps the compositor from writing an empty
            # frame.
            self.report({"ERROR"}, str(error))
        except link.Stopped:
            return
        except Exception as error:
            # Blender would only print it, have the compositor write an empty frame and go on with
            # the next one.
            self.report(
                {"ERROR"},
                f"The frame could not be rendered ({type(error).__name__}: {error}). "
                "Render it again.",
            )
            raise

    def _render(self, depsgraph: bpy.types.Depsgraph) -> None:
        scene = depsgraph.scene
        if failure(scene.name):
            raise Refused(failure(scene.name))
        folder, camera = _folder(scene), _camera(scene).evaluated_get(depsgraph)
        picture = Picture.of(scene.render)
        if picture.width < 1 or picture.height < 1:
            raise Refused(
                "The render border holds no pixel. Draw a larger one, or switch Render Region off."
            )
        shots = {}
        for eye in self._eyes(depsgraph, camera, picture):
            self._render_eye(depsgraph, folder, picture, eye)
            record = picture.file_camera(convert.camera_record(camera, eye.view))
            shots[eye.suffix] = Shot(picture.file_view(eye.view), record)
        keep(scene.name, Rendered(scene.frame_current, str(folder), shots))

    def _eyes(
        self, depsgraph: bpy.types.Depsgraph, camera: bpy.types.Object, picture: Picture
    ) -> list[Eye]:
        """One eye, or those that the stereoscopy settings switch on."""
        render = depsgraph.scene.render
        view = convert.view_of_camera(camera, depsgraph, picture.frame_width, picture.frame_height)
        if not render.use_multiview:
            return [Eye("", "", view)]
        return [self._stereo_eye(camera, view, eye) for eye in render.views if eye.use]

    def _stereo_eye(
        self, camera: bpy.types.Object, view: dict[str, Any], eye: bpy.types.SceneRenderView
    ) -> Eye:
        self.active_view_set(eye.name)
        matrix = convert.engine_matrix(Matrix(self.camera_model_matrix(camera)))
        data = camera.data
        # Blender's lens shift counts in lengths of the sensor's side that fits the frame.
        side = (
            (data.sensor_height if data.sensor_fit == "VERTICAL" else data.sensor_width)
            / data.lens
            * view["fx"]
        )
        moved = {"cx": view["cx"] - (self.camera_shift_x(camera) - data.shift_x) * side}
        return Eye(
            eye.name,
            eye.file_suffix,
            {**view, **moved, "world_from_camera": [float(x) for x in matrix.ravel()]},
        )

    def _render_eye(
        self, depsgraph: bpy.types.Depsgraph, folder: Path, picture: Picture, eye: Eye
    ) -> None:
        args = {"scene": str(folder), "view": picture.part_of(eye.view)}
        try:
            answer = link.call(
                "frame",
                args,
                should_stop=self.test_break,
                on_progress=self._progress,
                wants=("passes",),
            )
        except link.NoPlaceError as error:
            where = f"“{bpy.app.tempdir}” cannot be written to ({error.strerror})"
            remedy = "Free space, or choose another folder for temporary files in the preferences."
            raise Refused(f"{where}. {remedy}") from error
        planes = read_planes(answer, picture.width, picture.height)
        self._show(depsgraph, picture, eye, planes)

    def _show(
        self, depsgraph: bpy.types.Depsgraph, picture: Picture, eye: Eye, planes: dict[str, Any]
    ) -> None:
        """Fill the passes of the render result."""
        layer = depsgraph.view_layer_eval.name
        if eye.name:
            self.active_view_set(eye.name)
        for one in data_passes(depsgraph.scene):
            self.add_pass(one.name, one.channels, one.components, layer=layer)
        # The result of a border render counts from the border's own corner.
        result = self.begin_result(0, 0, picture.width, picture.height, layer=layer, view=eye.name)
        fill(result.layers[0], planes, region_passes(depsgraph.scene))
        self.end_result(result)

    def _progress(self, fraction: float, stage: str) -> None:
        self.update_stats("AnchorStage", stage)
        self.update_progress(fraction)


def _folder(scene: bpy.types.Scene) -> Path:
    folder = scene_state.folder(scene)
    missing = scene_state.missing_sentence(scene)
    if folder is None or missing:
        raise Refused(missing)
    return folder


def _camera(scene: bpy.types.Scene) -> bpy.types.Object:
    camera = scene.camera
    if camera is None:
        raise Refused(
            "The scene has no camera. Add one, or choose the photo's camera as the scene's camera."
        )
    if camera.type != "CAMERA":
        raise Refused(
            f"“{camera.name}” is the scene's camera but no camera object. "
            "Choose a camera in the scene's properties."
        )
    return camera


register, unregister = bpy.utils.register_classes_factory((AnchorStageRenderEngine,))
