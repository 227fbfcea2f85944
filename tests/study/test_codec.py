"""What a stage returns comes back as it was, in the same bytes each time, and never runs code."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from respine.core.dendrite import Dendrite, Tracing
from respine.core.errors import InputError, ReadError
from respine.core.stack import Stack
from respine.study.codec import read_value, write_value


def keep(tmp_path, value):
    path = tmp_path / "value.out"
    with path.open("wb") as file:
        digest = write_value(file, value)
    return path, digest


def round_trip(tmp_path, value):
    return read_value(keep(tmp_path, value)[0])


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -3,
        2**70,
        1.5,
        float("inf"),
        "µm, ü and \n",
        (1, "a", None),
        [1, [2.5, ()]],
        {"a": 1, ("m1", 2): [None]},
        {},
    ],
)
def test_a_plain_value_comes_back(tmp_path, value):
    back = round_trip(tmp_path, value)
    assert back == value
    assert type(back) is type(value)


def test_nan_comes_back(tmp_path):
    assert np.isnan(round_trip(tmp_path, float("nan")))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype=np.uint16).reshape(2, 3, 4),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(10)[::3],
        np.zeros((0, 3)),
        np.array(2.5),
        np.array([np.nan, np.inf]),
        np.array(["ab", "c"]),
        np.array([True, False]),
        np.arange(3, dtype=">i2"),
    ],
    ids=["stack", "fortran", "strided", "empty", "scalar", "not finite", "text", "flags", "big endian"],
)
def test_an_array_comes_back_and_cannot_be_changed(tmp_path, array):
    back = round_trip(tmp_path, [np.ones(3), array])[1]
    np.testing.assert_array_equal(back, array)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert not back.flags.writeable


def test_a_numpy_number_comes_back_as_a_python_number(tmp_path):
    back = round_trip(tmp_path, {"a": np.float64(0.1), "b": np.int32(4), "c": np.bool_(True)})
    assert back == {"a": 0.1, "b": 4, "c": True}
    assert [type(v) for v in back.values()] == [float, int, bool]


def test_a_table_comes_back_with_its_types(tmp_path):
    table = pd.DataFrame(
        {
            "a": pd.array(["x", None], "string"),
            "b": pd.array([1, None], "Int64"),
            "c": pd.array([0.5, None], "Float64"),
            "d": pd.array([True, None], "boolean"),
        }
    )
    pd.testing.assert_frame_equal(round_trip(tmp_path, {"t": table})["t"], table)


def test_a_noun_comes_back(tmp_path):
    line = np.array([[0.0, 0.0, 0.0], [0.0, 3.0, 4.0]])
    tracing = Tracing((Dendrite("a", line, np.ones(2)), Dendrite("b", line + 1, np.ones(2), parent="a")))
    stack = Stack(np.arange(8, dtype=np.uint8).reshape(2, 2, 2), (1.0, 0.12, 0.12))
    back, same = round_trip(tmp_path, (tracing, stack))
    assert [d.name for d in back] == ["a", "b"]
    assert back["b"].parent == "a"
    assert back.length_um == pytest.approx(10.0)
    assert same.voxel_um == stack.voxel_um
    np.testing.assert_array_equal(same.voxels, stack.voxels)


def test_a_stack_is_mapped_not_loaded(tmp_path):
    stack = round_trip(tmp_path, Stack(np.ones((4, 8, 8), np.float32), (1, 1, 1)))
    base = stack.voxels
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base, np.memmap)


def test_equal_values_give_equal_bytes_and_digests(tmp_path):
    shared, text = np.arange(5.0), "spine"
    one = {"a": shared, "b": shared, "c": [text, text]}
    # The same value from objects of its own: pickle would write other bytes here.
    other = {"a": shared.copy(), "b": np.asfortranarray(shared.copy()), "c": [text, "".join("spine")]}
    files, digests = [], []
    for value in (one, other):
        file = io.BytesIO()
        digests.append(write_value(file, value))
        files.append(file.getvalue())
    assert files[0] == files[1]
    assert digests[0] == digests[1]


def test_different_values_have_different_digests(tmp_path):
    values = [np.zeros(4), np.zeros((2, 2)), np.zeros(4, np.float32), [0.0] * 4, (0.0,) * 4]
    assert len({write_value(io.BytesIO(), value) for value in values}) == len(values)


class Alien:
    pass


@pytest.mark.parametrize(
    ("value", "kind"),
    [(Alien(), "Alien"), (np.array([Alien()]), "ndarray"), ({1, 2}, "set")],
)
def test_what_cannot_be_kept_is_refused(value, kind):
    with pytest.raises(InputError, match=f"a stage returned a value of type .*{kind}, which is not one of those"):
        write_value(io.BytesIO(), {"deep": [value]})


@pytest.mark.parametrize("cut", [0, 5, -1])
def test_a_damaged_file_is_refused(tmp_path, cut):
    path, _ = keep(tmp_path, {"a": np.arange(100)})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ReadError) as caught:
        read_value(path)
    assert str(caught.value).startswith(f"{path}: the kept output cannot be read (")
    assert str(caught.value).endswith("delete it and run again")


@pytest.mark.parametrize(
    ("module", "name", "found"),
    [
        ("subprocess", "Popen", "subprocess is no module of respine"),
        ("respine.core.stack", "np", "respine.core.stack.np is no dataclass"),
        ("respine.core.errors", "InputError", "respine.core.errors.InputError is no dataclass"),
    ],
)
def test_a_file_that_names_code_runs_none(tmp_path, module, name, found):
    text = json.dumps({"object": [module, name, {"args": "true"}]}).encode()
    path = tmp_path / "bad.out"
    path.write_bytes(text + len(text).to_bytes(8, "little"))
    with pytest.raises(ReadError) as caught:
        read_value(path)
    assert str(caught.value) == f"{path}: the kept output cannot be read (ValueError: {found}); delete it and run again"
