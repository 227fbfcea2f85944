"""From stacks to spines.

`registration` brings the sessions of a field of view into one frame, `tracing` finds the dendrites, `spines` judges all
sessions of a dendrite together, `turnover` counts.
"""
