"""Small stacks in which every voxel tells where it belongs."""

import numpy as np
import pytest


@pytest.fixture
def planes():
    """Make an array of a shape whose values are all different as far as the type allows."""

    def make(shape, dtype=np.uint16):
        count = int(np.prod(shape))
        values = np.arange(count) * 7919 % 60013
        if np.dtype(dtype).kind == "i":
            values = values - 30000
        return values.astype(dtype).reshape(shape)

    return make
