import contextlib
import io
import struct

import numpy as np
import pytest
import tifffile

from respine.core.errors import ReadError
from respine.io.stack_files import open_stack
from respine.io.tiff_layout import read_tiff_layout

DATA = np.arange(4 * 6 * 7, dtype="u2").reshape(4, 6, 7)


def tiff_bytes(**options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, DATA, photometric="minisblack", **options)
    return buffer.getvalue()


def raises(path, message):
    with pytest.raises(ReadError) as caught:
        read_tiff_layout(path)
    assert str(caught.value) == message.format(path=path)


@pytest.mark.parametrize(
    "options",
    [
        {"metadata": None},
        {},
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        {"ome": True, "metadata": {"axes": "ZYX"}},
        {"compression": "zlib"},
        {"bigtiff": True},
    ],
    ids=["plain", "tifffile", "imagej", "ome", "zlib", "bigtiff"],
)
def test_a_file_cut_off_at_any_byte_is_an_error_or_the_whole_data(tmp_path, options):
    whole = tiff_bytes(**options)
    path = tmp_path / "a.tif"
    for end in (*range(0, len(whole), 5), *range(len(whole) - 40, len(whole))):
        path.write_bytes(whole[:end])
        with contextlib.suppress(ReadError):
            np.testing.assert_array_equal(open_stack(path).read(), DATA, err_msg=f"{end} of {len(whole)} bytes")
    path.write_bytes(whole)
    np.testing.assert_array_equal(open_stack(path).read(), DATA)


def test_a_file_cut_within_its_pixels_says_how_long_it_should_be(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_bytes(metadata=None)[:400])
    with pytest.raises(ReadError, match=r"found a truncated TIFF \(400 bytes\); expected at least \d+( for page 1)?$"):
        read_tiff_layout(path)


def test_empty_absent_and_other_files(tmp_path):
    path = tmp_path / "a.tif"
    raises(path, "{path}: found a file that cannot be opened (No such file or directory); expected a readable TIFF")
    path.write_bytes(b"")
    raises(path, "{path}: found an empty file (0 bytes); expected a TIFF")
    path.write_bytes(b"not an image at all")
    raises(path, "{path}: found a file that starts with b'not an i'; expected a TIFF")
    path.write_bytes(b"II*\0\0\0\0\0")
    raises(path, "{path}: found no page; expected a TIFF with at least one")


def directory(*entries, after=0, at=8):
    """A little-endian TIFF of one directory of (tag, type, count, value)."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", at) + struct.pack("<H", len(entries)) + body + struct.pack("<I", after)


GREY = [(256, 3, 1, 4), (257, 3, 1, 4), (258, 3, 1, 8), (273, 4, 1, 8), (279, 4, 1, 16)]


def test_a_chain_of_pages_in_a_circle_ends(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(directory(*GREY, after=8))
    raises(path, "{path}: found a chain of pages that runs in a circle; expected a chain that ends")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (GREY[1:], "page 1 without a size; expected a width and a height"),
        (GREY[:3], "page 1 without pixels; expected an offset and a size for each strip or tile"),
        (
            [*GREY[:4], (279, 4, 1, 0)],
            "page 1 without pixels; expected an offset and a size for each strip or tile",
        ),
        ([*GREY, (278, 3, 1, 2)], "page 1 of 1 strips or tiles; expected 2"),
        (
            [*GREY[:3], (322, 3, 1, 2), (323, 3, 1, 3), (324, 4, 1, 8), (325, 4, 1, 8)],
            "page 1 of 1 strips or tiles; expected 4",
        ),
        (
            [*GREY[:2], (258, 3, 1, 12), *GREY[3:]],
            "page 1 of [12] bit (sample format [1]); expected 8, 16 or 32 bit integers, or 16, 32 or 64 bit floats",
        ),
        (
            [*GREY[:4], (279, 4, 1, 15)],
            "a truncated TIFF (15 bytes in page 1); expected 16 as its size says",
        ),
        (
            [*GREY[:4], (279, 4, 1, 1500)],
            "a truncated TIFF (74 bytes); expected at least 1508 for page 1",
        ),
    ],
)
def test_a_page_that_lacks_something(tmp_path, entries, message):
    path = tmp_path / "a.tif"
    path.write_bytes(directory(*entries))
    raises(path, f"{{path}}: found {message}")


def test_a_claim_beyond_reason_is_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(directory((256, 4, 1, 1 << 20), (257, 4, 1, 1 << 20), *GREY[2:], (259, 3, 1, 8)))
    with pytest.raises(ReadError) as caught:
        open_stack(path)
    expected = f"{path}: found a header that claims {1 << 40} bytes in 86; expected a possible size"
    assert str(caught.value) == expected


def test_a_damaged_compressed_page_is_named(tmp_path):
    whole = bytearray(tiff_bytes(compression="zlib", metadata=None))
    path = tmp_path / "a.tif"
    path.write_bytes(whole)
    start = read_tiff_layout(path).pages[2].offsets[0]
    whole[start : start + 8] = b"\xff" * 8
    path.write_bytes(whole)
    with pytest.raises(ReadError, match=r"a\.tif: found page 3 that cannot be decoded \(.*\); expected intact pixels$"):
        open_stack(path).read()
