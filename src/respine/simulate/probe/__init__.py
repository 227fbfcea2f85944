"""Light on labelled spines with known truth: where it was planned and where it arrived."""
