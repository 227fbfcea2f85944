"""Spines: dendrites pulled straight, evidence, sites, identities, visibility and sizes."""
