"""The built-in estimator: lines, planes and a small network of our own, offline."""
