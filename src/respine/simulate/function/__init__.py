"""Calcium recordings with known truth: activity, kinetics, cells, motion, and the frames of a microscope."""
