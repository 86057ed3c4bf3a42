"""Runs inside a Blender: installs a zip in the profile that BLENDER_USER_RESOURCES names, as a user would."""

import os
import sys
import traceback

import bpy

status = 1
try:
    archive = sys.argv[-1]
    bpy.ops.extensions.package_install_files(
        repo="user_default", filepath=archive, enable_on_install=True
    )
    if "bl_ext.user_default.anchorstage" not in bpy.context.preferences.addons:
        raise RuntimeError(f"{archive} was installed but is not enabled")
    bpy.context.preferences.view.show_splash = False
    bpy.ops.wm.save_userpref()
    status = 0
finally:
    if status:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # see blender_entry.py
