import imagecodecs
import numpy as np
import pytest
import tifffile

from respine.core.errors import ReadError
from respine.io.stack_files import open_stack


def write_png(path, plane):
    path.write_bytes(imagecodecs.png_encode(plane))


def write_tif(path, plane):
    tifffile.imwrite(path, plane, metadata=None, resolution=(5e4, 5e4), resolutionunit="CENTIMETER")


WRITE = {".png": write_png, ".tif": write_tif}


def write_folder(folder, stack, name="slice{k}", suffix=".png"):
    for k, plane in enumerate(stack):
        WRITE[suffix](folder / (name.format(k=k) + suffix), plane)


def raises(path, message):
    with pytest.raises(ReadError) as caught:
        open_stack(path)
    assert str(caught.value) == message.format(path=path)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_slices_come_in_natural_order(tmp_path, planes, suffix, dtype):
    data = planes((12, 6, 7), dtype)
    write_folder(tmp_path, data, suffix=suffix)
    for name in (".hidden.png", "notes.txt", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"x")
    file = open_stack(tmp_path)
    assert (file.shape, file.dtype, len(file.files)) == ((1, 12, 6, 7), np.dtype(dtype), 12)
    assert file.voxel_um == ((None, 0.2, 0.2) if suffix == ".tif" else (None, None, None))
    np.testing.assert_array_equal(file.read(), data)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_channels_in_the_names(tmp_path, planes, suffix):
    data = planes((2, 4, 6, 7))
    for c in (0, 1):
        write_folder(tmp_path, data[c], f"cell3_Z{{k:03d}}_ch0{c + 1}", suffix)
    file = open_stack(tmp_path)
    assert (file.shape, file.channel_numbers) == ((2, 4, 6, 7), (1, 2))
    np.testing.assert_array_equal(file.read(2), data[1])
    (tmp_path / f"cell3_Z003_ch02{suffix}").unlink()
    raises(
        tmp_path,
        "{path}: found slices: 4 of channel 1, 3 of channel 2; expected the same number of each channel",
    )


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_lost_slice(tmp_path, planes, suffix):
    write_folder(tmp_path, planes((6, 6, 7)), suffix=suffix)
    (tmp_path / f"slice3{suffix}").unlink()
    expected = "expected slices numbered in steps of 1"
    raises(tmp_path, f"{{path}}: found slice2{suffix} followed by slice4{suffix}; {expected}")


def test_numbers_in_steps_of_ten_are_no_gap(tmp_path, planes):
    for k, plane in enumerate(planes((6, 6, 7))):
        write_png(tmp_path / f"z{10 * k}.png", plane)
    assert open_stack(tmp_path).shape == (1, 6, 6, 7)


def test_ragged_slices(tmp_path, planes):
    write_folder(tmp_path, planes((3, 6, 7)))
    write_png(tmp_path / "slice2.png", np.zeros((6, 8), "u2"))
    with pytest.raises(
        ReadError, match=r"slice2\.png: found a slice of 6 x 8 with 16 bit; expected 6 x 7 with 16 bit, as slice0\.png$"
    ):
        open_stack(tmp_path)
    write_png(tmp_path / "slice2.png", np.zeros((6, 7), "u1"))
    with pytest.raises(
        ReadError, match=r"slice2\.png: found a slice of 6 x 7 with 8 bit; expected 6 x 7 with 16 bit, as slice0\.png$"
    ):
        open_stack(tmp_path)


def test_ragged_tiff_slices(tmp_path, planes):
    write_folder(tmp_path, planes((3, 6, 7)), suffix=".tif")
    write_tif(tmp_path / "slice1.tif", np.zeros((6, 8), "u2"))
    with pytest.raises(
        ReadError, match=r"slice1\.tif: found page 1 of 6 x 8 uint16; expected 6 x 7 uint16 as the first page has$"
    ):
        open_stack(tmp_path)
    tifffile.imwrite(tmp_path / "slice1.tif", np.zeros((4, 6, 7), "u2"), photometric="minisblack")
    with pytest.raises(
        ReadError, match=r"slice1\.tif: found 4 pages; expected one slice a file; or give the path of the file$"
    ):
        open_stack(tmp_path)


def test_colour_depth_and_damage(tmp_path, planes):
    path = tmp_path / "slice1.png"
    write_folder(tmp_path, planes((3, 6, 7)))
    whole = path.read_bytes()
    write_png(path, np.zeros((6, 7, 3), "u1"))
    with pytest.raises(
        ReadError,
        match=r"slice1\.png: found a colour image \(PNG colour type 2\); expected grey images, one channel a file$",
    ):
        open_stack(tmp_path)
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(ReadError, match=r"slice1\.png: found (an empty file|a file that starts|a truncated PNG)"):
            open_stack(tmp_path)
    path.write_bytes(whole[:50] + b"\0\0" + whole[52:])
    with pytest.raises(
        ReadError, match=r"slice1\.png: found pixels that cannot be decoded \(.*\); expected an intact PNG$"
    ):
        open_stack(tmp_path).read()


def test_folders_without_a_stack(tmp_path, planes):
    raises(tmp_path, "{path}: found no PNG or TIFF file; expected a folder of slices, all PNG or all TIFF")
    write_folder(tmp_path, planes((3, 6, 7)))
    write_folder(tmp_path, planes((3, 6, 7)), suffix=".tif")
    raises(tmp_path, "{path}: found both PNG and TIFF files; expected a folder of slices, all PNG or all TIFF")
