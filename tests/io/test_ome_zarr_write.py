import json

import numpy as np
import pytest

from respine.core.errors import InputError
from respine.io.ome_zarr import absent_chunks
from respine.io.ome_zarr_write import write_ome_zarr
from respine.io.stack_files import open_stack, read_stack

VOXEL = (1.5, 0.12, 0.25)


def test_what_is_written_is_read(tmp_path, planes):
    data = planes((3, 2, 6, 700), "i2")
    path = tmp_path / "a.zarr"
    write_ome_zarr(path, iter(data.reshape(6, 6, 700)), (2, 3, 6, 700), "i2", VOXEL)
    stack = read_stack(path, channel=2)
    assert stack.voxel_um == VOXEL
    np.testing.assert_array_equal(stack.voxels, data[:, 1])
    said = json.loads((path / "zarr.json").read_text())["attributes"]["ome"]
    assert said["version"] == "0.5"
    assert [axis["name"] for axis in said["multiscales"][0]["axes"]] == list("czyx")


def test_dark_chunks_are_on_disk_too(tmp_path):
    write_ome_zarr(tmp_path / "a.zarr", np.zeros((3, 6, 7), "u1"), (1, 3, 6, 7), "u1", VOXEL)
    assert absent_chunks(open_stack(tmp_path / "a.zarr")) == 0


def test_planes_that_do_not_match_leave_nothing_behind(tmp_path, planes):
    path = tmp_path / "a.zarr"
    data = planes((3, 6, 7))
    for shape, message in [
        ((1, 4, 6, 7), "found 3 planes; expected 4"),
        ((1, 2, 6, 7), "found plane 3 of (6, 7); expected 2 of (6, 7)"),
        ((1, 3, 6, 8), "found plane 1 of (6, 7); expected 3 of (6, 8)"),
    ]:
        with pytest.raises(InputError) as caught:
            write_ome_zarr(path, data, shape, "u2", VOXEL)
        assert str(caught.value) == f"{path}: {message}"
        assert list(tmp_path.iterdir()) == []
    path.mkdir()
    with pytest.raises(InputError) as caught:
        write_ome_zarr(path, data, (1, 3, 6, 7), "u2", VOXEL)
    assert str(caught.value) == f"{path}: found something there already; expected nothing"
