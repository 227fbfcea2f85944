from pathlib import Path

import numpy as np
import pytest

from respine.core.errors import InputError, ReadError
from respine.io.stack_file import StackFile, positive_or_none, settle_voxel_um

PATH = Path("a.tif")
HEADER = (1.0, 0.12, 0.12)


def stack_file(names=("GFP", "tdTomato"), numbers=(2, 4), load=None):
    shape = (len(names), 3, 4, 5)
    load = load or (lambda channel: np.full(shape[1:], channel, "u1"))
    return StackFile(PATH, "TIFF", shape, np.dtype("u1"), HEADER, names, numbers, 1, (PATH,), load)


@pytest.mark.parametrize(("channel", "index"), [("GFP", 0), ("gfp", 0), ("2", 0), (2, 0), (" 4", 1), ("tdTomato", 1)])
def test_a_channel_by_its_name_or_number(channel, index):
    file = stack_file()
    assert file.channel_index(channel) == index
    assert (file.read(channel) == index).all()


def test_a_name_goes_before_a_number():
    assert stack_file(names=("2", "1"), numbers=(1, 2)).channel_index("2") == 0


def test_the_only_channel_needs_no_name():
    assert stack_file(names=("1",), numbers=(1,)).channel_index() == 0


@pytest.mark.parametrize("channel", ["1", "0", "-2", "green", "", "²"])
def test_an_unknown_channel(channel):
    with pytest.raises(InputError) as caught:
        stack_file().read(channel)
    expected = f"a.tif: found no channel {channel!r}; expected one of 2 (GFP), 4 (tdTomato)"
    assert str(caught.value) == expected


def test_no_channel_where_there_are_several():
    with pytest.raises(InputError) as caught:
        stack_file(names=("1", "2"), numbers=(1, 2)).read()
    assert str(caught.value) == "a.tif: found several channels and none given; expected one of 1, 2"


def test_what_a_decoder_raises_becomes_one_error():
    def fail(channel):
        raise RuntimeError("broken")

    with pytest.raises(ReadError) as caught:
        stack_file(load=fail).read("GFP")
    assert str(caught.value) == "a.tif: found pixels that cannot be decoded (broken); expected an intact TIFF"


def test_pixels_of_another_shape_than_the_header_says():
    with pytest.raises(ReadError) as caught:
        stack_file(load=lambda channel: np.zeros((3, 4, 6))).read("GFP")
    assert str(caught.value) == "a.tif: found (3, 4, 6) voxels; expected (3, 4, 5) as its header says"


@pytest.mark.parametrize(
    ("header", "given", "settled"),
    [
        (HEADER, None, HEADER),
        (HEADER, (None, None, None), HEADER),
        ((None, 0.12, 0.12), (2.0, None, None), (2.0, 0.12, 0.12)),
        ((None, None, None), (2.0, 0.1, 0.2), (2.0, 0.1, 0.2)),
        (HEADER, (1.0099, 0.1189, 0.12), HEADER),
    ],
)
def test_the_header_goes_before_what_is_given(header, given, settled):
    assert settle_voxel_um(PATH, header, given) == settled


@pytest.mark.parametrize(
    ("header", "given", "message"),
    [
        (
            (None, None, 0.12),
            (1.0, None, None),
            "found no voxel_y_um in the header and none given; expected one of them",
        ),
        (
            HEADER,
            (1.0101, 0.12, None),
            "found voxel_z_um 1 in the header but 1.0101 given; expected them within 1 %",
        ),
        (
            (None, 0.12, 0.12),
            (None, 0.13, None),
            "found no voxel_z_um in the header and none given; expected one of them; "
            "found voxel_y_um 0.12 in the header but 0.13 given; expected them within 1 %",
        ),
    ],
)
def test_sizes_that_are_missing_or_disagree(header, given, message):
    with pytest.raises(InputError) as caught:
        settle_voxel_um(PATH, header, given)
    assert str(caught.value) == f"a.tif: {message}"


def test_a_size_of_a_header_that_is_none():
    assert [positive_or_none(v) for v in (None, 0.0, -1.0, float("nan"), float("inf"), 2.0)] == [None] * 5 + [2.0]
