import contextlib
import os

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from respine.core.errors import InputError, ReadError
from respine.io.ome_zarr_write import write_ome_zarr
from respine.io.stack_files import FORMATS, read_stack
from respine.io.tiff_write import write_scanimage, write_tiff_stack

VOXEL = (1.5, 0.12, 0.25)
FUZZ = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def raises(path, message, error=ReadError):
    with pytest.raises(error) as caught:
        read_stack(path)
    assert str(caught.value) == message.format(path=path)


def test_what_is_no_stack(tmp_path):
    raises(tmp_path / "none", f"{{path}}: found nothing; expected {FORMATS}")
    path = tmp_path / "a.tif"
    path.write_bytes(b"")
    raises(path, f"{{path}}: found an empty file (0 bytes); expected {FORMATS}")
    path.write_text("subject,session")
    raises(path, f"{{path}}: found a file that starts with b'subject,'; expected {FORMATS}")


def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    raises(
        path,
        f"{{path}}: found something that cannot be opened ([Errno 13] Permission denied: '{path}'); expected {FORMATS}",
    )


def test_the_voxel_size_comes_from_the_file_or_the_caller(tmp_path, planes):
    data = planes((3, 6, 7))
    path = tmp_path / "a.tif"
    write_tiff_stack(path, data, (1, 3, 6, 7), data.dtype, VOXEL)
    assert read_stack(path).voxel_um == pytest.approx(VOXEL)
    assert read_stack(path, voxel_um=(1.5, None, 0.25)).voxel_um == pytest.approx(VOXEL)
    with pytest.raises(
        InputError, match=r"found voxel_x_um 0\.25 in the header but 0\.3 given; expected them within 1 %$"
    ):
        read_stack(path, voxel_um=(None, None, 0.3))
    tifffile.imwrite(path, data, photometric="minisblack")
    assert read_stack(path, voxel_um=VOXEL).voxel_um == VOXEL
    with pytest.raises(InputError, match=r"found no voxel_y_um in the header and none given; expected one of them$"):
        read_stack(path, voxel_um=(1.5, None, 0.25))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(tmp_path, planes, bad):
    data = planes((3, 6, 7), "f4")
    data[1, 2, 3] = data[1, 5, 6] = bad
    path = tmp_path / "a.tif"
    write_tiff_stack(path, data, (1, 3, 6, 7), data.dtype, VOXEL)
    raises(
        path,
        "{path}: found 2 values that are NaN or infinite in slice 1, the first at row 2, column 3; "
        "expected finite values",
    )


STARTS = (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0", b"<PVScan>")


@FUZZ
@given(st.sampled_from(STARTS), st.binary(max_size=300))
def test_any_bytes_are_a_stack_or_a_clear_error(tmp_path, start, rest):
    path = tmp_path / "a.tif"
    path.write_bytes(start + rest)
    with contextlib.suppress(ReadError, InputError):
        read_stack(path, 1, VOXEL)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    data = (np.arange(3 * 6 * 7) % 251).astype("u2").reshape(3, 6, 7)
    write_tiff_stack(folder / "ome.tif", data, (1, 3, 6, 7), "u2", VOXEL)
    write_tiff_stack(folder / "imagej.tif", data, (1, 3, 6, 7), "u2", VOXEL, metadata="imagej")
    write_scanimage(folder / "si.tif", data, (1, 3, 6, 7), "u2", VOXEL)
    tifffile.imwrite(folder / "zlib.tif", data, compression="zlib", photometric="minisblack")
    tifffile.imwrite(folder / "tiles.tif", data, compression="lzw", tile=(16, 16), photometric="minisblack")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@FUZZ
@given(data=st.data())
def test_a_few_wrong_bytes_are_a_stack_or_a_clear_error(tmp_path, examples, data):
    whole = bytearray(examples[data.draw(st.sampled_from(sorted(examples)))])
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.tif"
    path.write_bytes(whole)
    with contextlib.suppress(ReadError, InputError):
        read_stack(path, 1, VOXEL)


@FUZZ
@given(text=st.text(max_size=200) | st.sampled_from(["{}", "[]", "null", '{"zarr_format": 3}', '{"zarr_format": 2}']))
@pytest.mark.parametrize("name", ["zarr.json", ".zattrs", ".zgroup", "0/zarr.json", "0/c/0/0/0/0"])
def test_any_metadata_of_a_zarr_are_a_stack_or_a_clear_error(tmp_path, name, text):
    path = tmp_path / "a.zarr"
    if not path.exists():
        write_ome_zarr(path, np.ones((1, 4, 4), "u2"), (1, 1, 4, 4), "u2", VOXEL)
    before = (path / name).read_bytes() if (path / name).exists() else None
    (path / name).write_text(text, encoding="utf-8", errors="surrogatepass")
    with contextlib.suppress(ReadError, InputError):
        read_stack(path, 1, VOXEL)
    if before is None:
        (path / name).unlink()
    else:
        (path / name).write_bytes(before)
