"""Lift: a depth map and its photo to Gaussian splats."""
