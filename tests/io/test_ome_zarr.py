import json

import numpy as np
import pytest
import zarr

from respine.core.errors import ReadError
from respine.io.ome_zarr import absent_chunks
from respine.io.stack_files import open_stack

TYPES = {"t": "time", "c": "channel"}


def write(path, data, axes, scale, *, version="0.5", units=None, whole=None, **more):
    units = {axis: "micrometer" for axis in "zyx"} if units is None else units
    described = []
    for axis in axes:
        entry = {"name": axis, "type": TYPES.get(axis, "space")}
        described.append(entry | ({"unit": units[axis]} if axis in units else {}))
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
    image = {"version": version, "axes": described, "datasets": [level]}
    if whole is not None:
        image["coordinateTransformations"] = [{"type": "scale", "scale": whole}]
    said = {"multiscales": [image], **more}
    attributes = said if version == "0.4" else {"ome": {"version": "0.5", **said}}
    group = zarr.create_group(str(path), zarr_format=2 if version == "0.4" else 3, attributes=attributes)
    chunks = tuple(max(n // 2, 1) for n in data.shape)
    array = group.create_array("0", shape=data.shape, dtype=data.dtype, chunks=chunks)
    array[:] = data
    return path


def raises(path, message):
    with pytest.raises(ReadError) as caught:
        open_stack(path)
    assert str(caught.value) == message.format(path=path)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["zyx", "czyx", "tczyx", "xyz", "yxzc"])
def test_axes_in_any_order(tmp_path, planes, version, axes):
    size = {"t": 3, "c": 2, "z": 4, "y": 6, "x": 8}
    um = {"t": 1.0, "c": 1.0, "z": 1.5, "y": 0.12, "x": 0.25}
    data = planes(tuple(size[a] for a in axes))
    path = write(tmp_path / "a.zarr", data, axes, [um[a] for a in axes], version=version)
    file = open_stack(path)
    full = data.transpose([axes.index(a) for a in "tczyx" if a in axes])
    full = full.reshape([size[a] if a in axes else 1 for a in "tczyx"])
    assert (file.format, file.shape, file.repeats) == ("OME-Zarr", full.shape[1:], full.shape[0])
    assert file.voxel_um == pytest.approx((1.5, 0.12, 0.25))
    np.testing.assert_allclose(file.read(file.shape[0]), full[:, -1].mean(axis=0), rtol=1e-6)
    assert file.read(1).dtype == file.dtype


def test_units_and_the_scale_of_the_whole_image(tmp_path, planes):
    units = {"z": "nanometer", "y": "millimeter"}
    data = planes((4, 6, 8))
    path = write(tmp_path / "a.zarr", data, "zyx", [750, 0.00006, 0.1], units=units, whole=[2, 2, 2])
    assert open_stack(path).voxel_um == pytest.approx((1.5, 0.12, None), nan_ok=True)


def test_labels_of_channels(tmp_path, planes):
    omero = {"channels": [{"label": "GFP"}, {"label": "tdTomato"}]}
    data = planes((2, 4, 6, 8))
    path = write(tmp_path / "a.zarr", data, "czyx", [1, 1, 1, 1], omero=omero)
    np.testing.assert_array_equal(open_stack(path).read("tdTomato"), data[1])


def test_an_image_within_a_bioformats2raw_folder(tmp_path, planes):
    outer = {"ome": {"version": "0.5", "bioformats2raw.layout": 3}}
    zarr.create_group(str(tmp_path / "a.zarr"), attributes=outer)
    write(tmp_path / "a.zarr" / "0", planes((4, 6, 8)), "zyx", [1.5, 1, 1])
    assert open_stack(tmp_path / "a.zarr").voxel_um == (1.5, 1, 1)
    write(tmp_path / "a.zarr" / "1", planes((4, 6, 8)), "zyx", [1.5, 1, 1])
    raises(
        tmp_path / "a.zarr",
        "{path}: found several images; expected one; give the path of one of them, such as 0",
    )


def test_a_lost_chunk_is_counted(tmp_path, planes):
    path = write(tmp_path / "a.zarr", planes((4, 6, 8)) + 1, "zyx", [1, 1, 1])
    assert absent_chunks(open_stack(path)) == 0
    (path / "0" / "c" / "1" / "0" / "1").unlink()
    assert absent_chunks(open_stack(path)) == 1


def test_a_damaged_chunk(tmp_path, planes):
    path = write(tmp_path / "a.zarr", planes((4, 6, 8)), "zyx", [1, 1, 1])
    (path / "0" / "c" / "1" / "0" / "1").write_bytes(b"\0" * 20)
    with pytest.raises(
        ReadError, match=r"a\.zarr: found pixels that cannot be decoded \(.*\); expected an intact OME-Zarr$"
    ):
        open_stack(path).read()


def test_metadata_that_make_no_image(tmp_path, planes):
    zarr.create_group(str(tmp_path / "a.zarr"), attributes={"plate": {}})
    expected = "expected an OME-Zarr image of version 0.4 or 0.5"
    raises(tmp_path / "a.zarr", "{path}: found a Zarr group without multiscales (plate); " + expected)
    data = planes((4, 6, 8))
    path = write(tmp_path / "b.zarr", data, "zyx", [1, 1, 1])
    meta = json.loads((path / "zarr.json").read_text())
    meta["attributes"]["ome"]["multiscales"][0]["axes"][0]["name"] = "w"
    (path / "zarr.json").write_text(json.dumps(meta))
    raises(
        path,
        "{path}: found axes ['w', 'y', 'x'] of an array of 3; expected each of t, c, z at most once, y and x",
    )
    path = write(tmp_path / "c.zarr", data, "tyx", [1, 1, 1])
    raises(path, "{path}: found a movie: 4 frames of one slice; expected a z-stack")
    path = write(tmp_path / "d.zarr", data.astype(bool), "zyx", [1, 1, 1])
    raises(path, "{path}: found bool of shape (4, 6, 8); expected integers or floats, at least one voxel")
    for text in (
        "",
        "{",
        "[]",
        '{"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"multiscales": [1]}}}',
    ):
        (path / "zarr.json").write_text(text)
        with pytest.raises(ReadError, match=r"d\.zarr: found metadata that cannot be read \(.*\); " + expected + "$"):
            open_stack(path)
