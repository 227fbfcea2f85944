"""All sessions of a field of view in one frame: quality of a stack, rigid and smooth alignment, pooling."""
