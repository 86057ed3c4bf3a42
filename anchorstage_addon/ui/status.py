"""The last sentence for the artist, shown until dismissed; an error pops up as well."""

import textwrap
from dataclasses import dataclass

import bpy

from .. import session

_POPUP_LINE = 70  # characters a line of a popup
_CHARACTER = 6.6  # pixels of an average character at interface scale 1
_MARGIN = 70  # pixels of a sidebar that are no text: borders, icon, a button
_USUAL_WIDTH = 300  # pixels of a sidebar, where Blender has no window
_SHORTEST = 16  # characters of a line, however narrow the sidebar is


@dataclass(frozen=True)
class Message:
    """A sentence for the artist."""

    text: str
    is_error: bool = False


class LastMessage:
    """The message to show, if any."""

    def __init__(self) -> None:
        self.message: Message | None = None


def last() -> Message | None:
    """Return the message to show, if any."""
    return session.of(LastMessage).message


def tell(text: str, is_error: bool = False) -> None:
    """Keep a sentence for the panel; an error also pops up, for the panel may be closed."""
    session.of(LastMessage).message = Message(text, is_error)
    manager = bpy.context.window_manager
    if not is_error or bpy.app.background or not manager.windows:
        return

    def draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
        wrapped(menu.layout, text, line=_POPUP_LINE)

    with bpy.context.temp_override(window=bpy.context.window or manager.windows[0]):
        manager.popup_menu(draw, title="AnchorStage", icon="ERROR")


def dismiss() -> None:
    """Forget the message."""
    session.of(LastMessage).message = None


def wrapped(
    layout: bpy.types.UILayout, text: str, icon: str = "NONE", line: int | None = None
) -> None:
    """Draw a sentence over as many lines as the sidebar's width needs, or of `line` characters."""
    column = layout.column(align=True)
    for number, words in enumerate(textwrap.wrap(text, line or _sidebar_line())):
        # The lines below the first are indented by an empty icon.
        shown = icon if number == 0 or icon == "NONE" else "BLANK1"
        column.label(text=words, icon=shown)


def _sidebar_line() -> int:
    """Characters in a line of the sidebar."""
    region = getattr(bpy.context, "region", None)  # a module without windows has none
    width = region.width if region is not None else _USUAL_WIDTH
    scale = bpy.context.preferences.system.ui_scale or 1.0  # 0 without a screen
    return max(int((width / scale - _MARGIN) / _CHARACTER), _SHORTEST)


class ANCHORSTAGE_OT_dismiss(bpy.types.Operator):
    """Hide this message"""

    bl_idname = "anchorstage.dismiss"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        dismiss()
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((ANCHORSTAGE_OT_dismiss,))
