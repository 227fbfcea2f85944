"""Behaviour with known truth: tail-suspension videos, sucrose bottles, Y-maze walks."""
