"""Dendrites: found in the pooled image, or taken from the user, and fitted to each session."""
