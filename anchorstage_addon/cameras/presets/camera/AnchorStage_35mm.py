import bpy

bpy.context.camera.sensor_fit = "HORIZONTAL"
bpy.context.camera.sensor_width = 36.0
bpy.context.camera.lens = 35.0
