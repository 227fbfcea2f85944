"""Simulated two-photon stacks of dendrites, with the truth of every spine, session and transform."""
