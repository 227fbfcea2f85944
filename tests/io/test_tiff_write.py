import numpy as np
import pytest
import tifffile

from respine.core.errors import InputError
from respine.io.stack_files import open_stack, read_stack
from respine.io.tiff_write import write_scanimage, write_tiff_stack

VOXEL = (1.5, 0.12, 0.25)


@pytest.mark.parametrize(
    ("metadata", "dtype"),
    [("ome", d) for d in ("u1", "i1", "u2", "i2", "u4", "i4", "f4")] + [("imagej", d) for d in ("u1", "u2", "f4")],
)
def test_what_is_written_is_read(tmp_path, planes, metadata, dtype):
    data = planes((4, 2, 6, 7), dtype)
    path = tmp_path / "a.tif"
    write_tiff_stack(path, iter(data.reshape(8, 6, 7)), (2, 4, 6, 7), dtype, VOXEL, metadata=metadata)
    stack = read_stack(path, channel=2)
    assert stack.voxels.dtype == np.dtype(dtype)
    assert stack.voxel_um == pytest.approx(VOXEL)
    np.testing.assert_array_equal(stack.voxels, data[:, 1])
    np.testing.assert_array_equal(tifffile.imread(path), data)
    assert [f.name for f in tmp_path.iterdir()] == ["a.tif"]


def test_a_scanimage_file_is_read_as_one(tmp_path, planes):
    data = planes((2, 4, 3, 2, 6, 7), "i2")  # volumes, slices, frames, channels
    path = tmp_path / "a.tif"
    write_scanimage(
        path,
        iter(data.reshape(-1, 6, 7)),
        (2, 4, 6, 7),
        "i2",
        VOXEL,
        frames_per_slice=3,
        volumes=2,
        zoom=4,
        channels_saved=(2, 3),
    )
    file = open_stack(path)
    assert (file.format, file.shape, file.repeats, file.zoom) == ("ScanImage TIFF", (2, 4, 6, 7), 6, 4)
    assert (file.channel_names, file.channel_numbers) == (("Channel 2", "Channel 3"), (2, 3))
    assert file.voxel_um == pytest.approx(VOXEL)
    np.testing.assert_allclose(file.read(3), data[:, :, :, 1].mean(axis=(0, 2)), rtol=1e-6)
    with tifffile.TiffFile(path) as tif:  # another reader sees a ScanImage file too
        assert tif.pages[0].tags["Software"].value.startswith("SI.VERSION_MAJOR = 2022\n")


def raises(write, path, message):
    with pytest.raises(InputError) as caught:
        write()
    assert str(caught.value) == f"{path}: {message}"
    assert list(path.parent.iterdir()) == []


def test_planes_that_do_not_match_leave_nothing_behind(tmp_path, planes):
    path = tmp_path / "a.tif"
    data = planes((3, 6, 7))
    for write in (write_tiff_stack, write_scanimage):
        raises(lambda w=write: w(path, data, (1, 4, 6, 7), "u2", VOXEL), path, "found 3 planes; expected 4")
        raises(
            lambda w=write: w(path, data, (1, 3, 6, 8), "u2", VOXEL),
            path,
            "found plane 1 of (6, 7) uint16; expected 3 of (6, 8) uint16",
        )
        raises(
            lambda w=write: w(path, data, (1, 2, 6, 7), "u2", VOXEL),
            path,
            "found plane 3 of (6, 7) uint16; expected 2 of (6, 7) uint16",
        )
    raises(
        lambda: write_tiff_stack(path, data, (1, 3, 6, 7), "i2", VOXEL, metadata="imagej"),
        path,
        "found int16; expected one of uint8, uint16, float32 for ImageJ",
    )
