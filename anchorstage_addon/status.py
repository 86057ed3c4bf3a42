"""What happened last, in one sentence: shown in the panel until dismissed, and as a popup where it is an error."""

import textwrap
from dataclasses import dataclass

import bpy


@dataclass(frozen=True)
class Message:
    """A sentence for the artist."""

    text: str
    is_error: bool = False


_last: Message | None = None
_POPUP_LINE = 70  # characters a line of a popup
_CHARACTER = 6.6  # pixels of an average character at interface scale 1
_MARGIN = 70  # pixels of a sidebar that are no text: borders, icon, a button


def last() -> Message | None:
    """The message to show, if any."""
    return _last


def tell(text: str, is_error: bool = False) -> None:
    """Keep a sentence for the panel; an error also pops up, so that it is seen where the panel is closed."""
    global _last
    _last = Message(text, is_error)
    manager = bpy.context.window_manager
    if is_error and not bpy.app.background and manager.windows:
        with bpy.context.temp_override(window=bpy.context.window or manager.windows[0]):
            manager.popup_menu(
                lambda menu, _context: wrapped(menu.layout, text, line=_POPUP_LINE),
                title="AnchorStage",
                icon="ERROR",
            )


def dismiss() -> None:
    """Forget the message."""
    global _last
    _last = None


def wrapped(
    layout: bpy.types.UILayout, text: str, icon: str = "NONE", line: int | None = None
) -> None:
    """Draw a sentence over as many lines as the sidebar's width needs, or of `line` characters."""
    column = layout.column(align=True)
    for number, words in enumerate(textwrap.wrap(text, line or _sidebar_line())):
        column.label(text=words, icon=icon if number == 0 or icon == "NONE" else "BLANK1")


def _sidebar_line() -> int:
    region = getattr(bpy.context, "region", None)  # a module without windows has none
    width = region.width if region is not None else 300
    scale = bpy.context.preferences.system.ui_scale or 1.0  # 0 without a screen
    return max(int((width / scale - _MARGIN) / _CHARACTER), 16)


class ANCHORSTAGE_OT_dismiss(bpy.types.Operator):
    """Hide this message"""

    bl_idname = "anchorstage.dismiss"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        dismiss()
        return {"FINISHED"}


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(ANCHORSTAGE_OT_dismiss)


def unregister() -> None:
    """Undo `register`."""
    dismiss()
    bpy.utils.unregister_class(ANCHORSTAGE_OT_dismiss)
