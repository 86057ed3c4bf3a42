"""What runs inside a headless Blender: it builds the scenes, and photographs and measures them with Cycles.

catalogue ─► outdoors | indoors ─► facades, things, furniture ─► Solids ─► meshes with materials ─► camera ─► EXRs

It shares nothing with the ray-caster that the depth network is trained on: other geometry, other
textures, other light.
"""
