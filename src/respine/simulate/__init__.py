"""Studies with known truth: the mechanism, and the recordings that microscopes and cameras would have made."""
