"""Files of Gaussian splats: ours, and those of other programs."""
