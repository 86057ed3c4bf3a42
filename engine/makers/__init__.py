"""Makers: ways to make a `Scene`: of a photo, of SHARP's Gaussians, of a file of Gaussians."""
