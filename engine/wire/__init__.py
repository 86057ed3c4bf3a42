"""The wire between Blender and the engine: protocol, server, and the ways in."""
