"""From stacks to spines: register, trace, detect, track, measure, turnover."""
