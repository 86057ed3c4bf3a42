"""Scenes with exact ground truth, made by our own script in Cycles.

    catalogue ─► blender (a bpy wheel's Python) ─► EXRs ─► develop ─► photo with EXIF, true views, depth, normals ─► library

`library.scenes()` gives them; they are made once and kept in build/cycles/ until the code that
makes them changes.
"""
