import numpy as np
import pytest
import tifffile

from respine.core.errors import ReadError
from respine.io.stack_files import open_stack, read_stack

VOXEL = (1.5, 0.12, 0.25)
RESOLUTION = (1 / 0.25, 1 / 0.12)  # x, y


def write_imagej(path, data, axes, **more):
    said = {"axes": axes, "spacing": VOXEL[0], "unit": "um", **more}
    tifffile.imwrite(path, data, imagej=True, resolution=RESOLUTION, metadata=said)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_an_imagej_stack_tells_its_size_and_its_voxel(tmp_path, planes, dtype):
    data = planes((5, 6, 7), dtype)
    write_imagej(tmp_path / "a.tif", data, "ZYX")
    stack = read_stack(tmp_path / "a.tif")
    assert stack.voxel_um == pytest.approx(VOXEL)
    assert stack.voxels.dtype == dtype
    np.testing.assert_array_equal(stack.voxels, data)


def test_channels_and_frames_of_a_hyperstack_are_told_apart(tmp_path, planes):
    data = planes((3, 4, 2, 6, 7))
    write_imagej(tmp_path / "a.tif", data, "TZCYX")
    file = open_stack(tmp_path / "a.tif")
    assert (file.format, file.shape, file.repeats) == ("ImageJ TIFF", (2, 4, 6, 7), 3)
    assert file.dtype == np.float32
    np.testing.assert_allclose(file.read(2), data[:, :, 1].mean(axis=0), rtol=1e-6)
    assert not np.array_equal(file.read(1), file.read(2))


@pytest.mark.parametrize("unit", ["um", "micron", "\\u00B5m", "µm", "nm", "mm"])
def test_an_imagej_unit_is_understood(tmp_path, unit):
    factor = {"nm": 1e3, "mm": 1e-3}.get(unit, 1.0)
    text = f"ImageJ=1.53t\nimages=2\nslices=2\nunit={unit}\nspacing={VOXEL[0] * factor:.9g}\n"
    resolution = tuple(r / factor for r in RESOLUTION)
    data = np.zeros((2, 6, 7), "u1")
    tifffile.imwrite(tmp_path / "a.tif", data, description=text.encode(), metadata=None, resolution=resolution)
    assert open_stack(tmp_path / "a.tif").voxel_um == pytest.approx(VOXEL)


def test_a_unit_of_pixels_is_no_size(tmp_path):
    write_imagej(tmp_path / "a.tif", np.zeros((5, 6, 7), "u1"), "ZYX", unit="pixel")
    assert open_stack(tmp_path / "a.tif").voxel_um == (None, None, None)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_every_type_in_both_byte_orders(tmp_path, planes, dtype, order, compression):
    data = planes((5, 6, 7), dtype)
    tifffile.imwrite(
        tmp_path / "a.tif", data, byteorder=order, compression=compression, photometric="minisblack", metadata=None
    )
    voxels = open_stack(tmp_path / "a.tif").read()
    assert voxels.dtype == np.dtype(dtype)
    assert voxels.dtype.isnative
    np.testing.assert_array_equal(voxels, data)


@pytest.mark.parametrize("more", [{"bigtiff": True}, {"tile": (16, 16)}, {"rowsperstrip": 2}, {"predictor": True}])
def test_other_layouts_of_the_pixels(tmp_path, planes, more):
    compression = "zlib" if "predictor" in more else None
    data = planes((5, 40, 33))
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="minisblack", compression=compression, **more)
    np.testing.assert_array_equal(open_stack(tmp_path / "a.tif").read(), data)


def test_plain_pages_are_mapped_and_compressed_ones_are_not(tmp_path, planes):
    def backing(array):
        while isinstance(array, np.ndarray):
            if isinstance(array, np.memmap):
                return "map"
            array = array.base
        return "memory"

    data = planes((5, 16, 16))
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="minisblack")
    tifffile.imwrite(tmp_path / "b.tif", data, photometric="minisblack", compression="zlib")
    write_imagej(tmp_path / "c.tif", planes((5, 2, 16, 16)), "ZCYX")
    assert [backing(open_stack(tmp_path / name).read(1)) for name in ("a.tif", "b.tif", "c.tif")] == [
        "map",
        "memory",
        "map",
    ]


def test_pages_at_unequal_distances(tmp_path, planes):
    data = planes((5, 16, 16))
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for k, plane in enumerate(data):
            writer.write(plane, metadata=None, contiguous=False, description="x" * (100 * k * k))
    np.testing.assert_array_equal(open_stack(tmp_path / "a.tif").read(), data)


def test_tifffile_metadata_with_channels(tmp_path, planes):
    data = planes((2, 5, 6, 7))
    said = {"axes": "CZYX", "spacing": 1.5, "unit": "um"}
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="minisblack", resolution=RESOLUTION, metadata=said)
    file = open_stack(tmp_path / "a.tif")
    assert (file.format, file.shape) == ("TIFF", (2, 5, 6, 7))
    assert file.voxel_um == pytest.approx(VOXEL)
    np.testing.assert_array_equal(file.read("2"), data[1])


def test_a_resolution_in_centimetres_is_a_size_and_one_for_print_is_not(tmp_path):
    data = np.zeros((5, 16, 16), "u1")
    options = {"photometric": "minisblack", "metadata": None}
    tifffile.imwrite(tmp_path / "a.tif", data, resolution=(4e4, 1e4), resolutionunit="CENTIMETER", **options)
    tifffile.imwrite(tmp_path / "b.tif", data, resolution=(72, 72), resolutionunit="INCH", **options)
    assert open_stack(tmp_path / "a.tif").voxel_um == (None, 1.0, 0.25)
    assert open_stack(tmp_path / "b.tif").voxel_um == (None, None, None)


def test_a_reduced_copy_of_a_page_is_no_slice(tmp_path, planes):
    data = planes((3, 16, 16))
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for plane in data:
            writer.write(plane, metadata=None, contiguous=False)
            writer.write(plane[::2, ::2], subfiletype=1, metadata=None, contiguous=False)
    np.testing.assert_array_equal(open_stack(tmp_path / "a.tif").read(), data)


def test_imagej_files_beyond_4_gb_have_one_page_and_all_data_behind_it(tmp_path, planes):
    data = planes((5, 6, 8), np.dtype(">u2"))
    text = b"ImageJ=1.53t\nimages=5\nslices=5\nspacing=1.5\nunit=um\n"
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, data[:1], byteorder=">", description=text, metadata=None, resolution=RESOLUTION)
    with open(path, "ab") as file:
        file.write(data[1:].tobytes())
    np.testing.assert_array_equal(open_stack(path).read(), data)
    with open(path, "ab") as file:
        file.truncate(path.stat().st_size - 1)
    size = path.stat().st_size
    with pytest.raises(ReadError) as caught:
        open_stack(path)
    expected = f"{path}: found a truncated TIFF ({size} bytes); expected {size + 1} for 5 pages"
    assert str(caught.value) == expected


def raises(path, message):
    with pytest.raises(ReadError) as caught:
        open_stack(path)
    assert str(caught.value) == message.format(path=path)


def test_a_movie_of_one_slice_is_refused(tmp_path):
    write_imagej(tmp_path / "a.tif", np.zeros((5, 6, 7), "u1"), "TYX")
    raises(tmp_path / "a.tif", "{path}: found a movie: 5 frames of one slice; expected a z-stack")


def test_colour_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 6, 7, 3), "u1"), photometric="rgb")
    expected = "each of T, Z and C at most once, then YX"
    raises(tmp_path / "a.tif", f"{{path}}: found shape [5, 6, 7, 3] with axes 'ZYX'; expected {expected}")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 6, 7, 3), "u1"), photometric="rgb", metadata=None)
    raises(
        tmp_path / "a.tif",
        "{path}: found a colour image (3 samples per pixel); expected grey images, one channel a page",
    )


def test_a_palette_is_refused_unless_imagej_made_it(tmp_path):
    palette = np.zeros((3, 256), "u2")
    data = np.zeros((5, 6, 7), "u1")
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="palette", colormap=palette, metadata=None)
    raises(tmp_path / "a.tif", "{path}: found an image with a colour palette; expected grey images")


def test_pages_of_different_size_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for height in (16, 16, 15):
            writer.write(np.zeros((height, 16), "u1"), metadata=None, contiguous=False)
    raises(
        tmp_path / "a.tif",
        "{path}: found page 3 of 15 x 16 uint8; expected 16 x 16 uint8 as the first page has",
    )


def test_pages_of_different_type_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for dtype in ("u2", "u2", "i2"):
            writer.write(np.zeros((16, 16), dtype), metadata=None, contiguous=False)
    raises(
        tmp_path / "a.tif",
        "{path}: found page 3 of 16 x 16 int16; expected 16 x 16 uint16 as the first page has",
    )


def test_a_header_that_does_not_fit_the_pages_is_refused(tmp_path):
    text = b"ImageJ=1.53t\nimages=6\nslices=3\nchannels=2\n"
    data = np.zeros((5, 6, 7), "u1")
    tifffile.imwrite(tmp_path / "a.tif", data, description=text, metadata=None, photometric="minisblack")
    raises(
        tmp_path / "a.tif",
        "{path}: found 5 pages; expected 1 frames x 3 slices x 2 channels as its header says",
    )
    text = text.replace(b"slices=3", b"slices=three")
    tifffile.imwrite(tmp_path / "a.tif", data, description=text, metadata=None, photometric="minisblack")
    raises(
        tmp_path / "a.tif",
        "{path}: found an ImageJ description that is no number (invalid literal for int() with base 10: 'three'); "
        "expected numbers",
    )


def test_a_description_of_tifffile_that_makes_no_sense_is_refused(tmp_path):
    data = np.zeros((5, 6, 7), "u1")
    for text, found in [
        (b'{"shape": 5}', 'a description that cannot be understood ({{"shape": 5}})'),
        (b'{"shape": [5, 6, 7], "axes": "ZZX"}', "shape [5, 6, 7] with axes 'ZZX'"),
    ]:
        tifffile.imwrite(tmp_path / "a.tif", data, description=text, metadata=None, photometric="minisblack")
        expected = (
            "shape, axes, spacing and unit as tifffile writes them"
            if "understood" in found
            else "each of T, Z and C at most once, then YX"
        )
        raises(tmp_path / "a.tif", f"{{path}}: found {found}; expected {expected}")


def test_real_stacks_tell_their_voxel_size(shared):
    file = open_stack(shared / "data/rr30a/rr30a_s0.tif")
    assert (file.shape, file.dtype) == ((1, 70, 1024, 1024), np.uint8)
    assert file.voxel_um == pytest.approx((1.0, 0.12, 0.12))
    np.testing.assert_array_equal(file.read(), tifffile.imread(file.path))
