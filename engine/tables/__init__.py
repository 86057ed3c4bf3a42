"""Tables that engine and add-on share.

They import nothing but Python's own library, so that Blender may read them.
"""
