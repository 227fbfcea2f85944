"""A recording is known by its content, and hashed again only when its files change."""

import hashlib
import json
import os

import numpy as np
import pytest
import tifffile

from respine.core.errors import ReadError
from respine.study.fingerprint import Fingerprints, take_stamp
from respine.study.graph import Source


def take(folder, path, memory="hashes.json"):
    prints = Fingerprints(folder, folder / memory)
    taken = prints.take(Source("structure", "m1", "a", "s0", str(path)))
    prints.remember()
    return taken


def test_it_is_the_hash_of_the_content_and_the_size(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"stack")
    taken = take(tmp_path, "a.tif")
    assert taken.sha256 == hashlib.sha256(b"stack").hexdigest()
    assert taken.n_bytes == 5


def test_the_name_and_place_of_a_file_do_not_matter(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"stack")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.tif").write_bytes(b"stack")
    first, second = take(tmp_path, "a.tif"), take(tmp_path, tmp_path / "sub" / "b.tif")
    assert first.sha256 == second.sha256


def test_a_change_of_content_is_seen_and_a_change_of_time_is_not_one(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"stack")
    first = take(tmp_path, "a.tif")
    os.utime(path, ns=(1, 1))
    touched = take(tmp_path, "a.tif")
    path.write_bytes(b"STACK")
    changed = take(tmp_path, "a.tif")
    assert first.sha256 == touched.sha256 != changed.sha256
    assert first.stamp != touched.stamp


def test_an_unchanged_file_is_not_read_again(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"stack")
    take(tmp_path, "a.tif")
    memory = tmp_path / "hashes.json"
    known = json.loads(memory.read_text())
    ((path, entry),) = known.items()
    entry[2] = hashlib.sha256(b"remembered").hexdigest()
    memory.write_text(json.dumps({path: entry}))
    assert take(tmp_path, "a.tif").sha256 == hashlib.sha256(b"remembered").hexdigest()


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_broken_memory_is_forgotten(tmp_path, text):
    (tmp_path / "a.tif").write_bytes(b"stack")
    first = take(tmp_path, "a.tif")
    (tmp_path / "hashes.json").write_text(text)
    assert take(tmp_path, "a.tif") == first


def test_a_folder_is_all_its_files_with_their_names(tmp_path):
    folder = tmp_path / "slices"
    (folder / "more").mkdir(parents=True)
    (folder / "1.png").write_bytes(b"one")
    (folder / "more" / "2.png").write_bytes(b"two")
    first = take(tmp_path, "slices")
    assert first.n_bytes == 6
    (folder / "1.png").rename(folder / "3.png")
    renamed = take(tmp_path, "slices")
    (folder / "4.png").write_bytes(b"")
    more = take(tmp_path, "slices")
    assert len({first.sha256, renamed.sha256, more.sha256}) == 3
    folder.rename(tmp_path / "elsewhere")
    assert take(tmp_path, "elsewhere").sha256 == more.sha256


def test_the_images_that_an_xml_names_belong_to_it(tmp_path):
    (tmp_path / "scan").mkdir()
    (tmp_path / "scan" / "scan.xml").write_bytes(b"<xml/>")
    (tmp_path / "scan" / "scan_001.tif").write_bytes(b"slice")
    first = take(tmp_path, "scan/scan.xml")
    (tmp_path / "scan" / "scan_001.tif").write_bytes(b"other")
    assert take(tmp_path, "scan/scan.xml").sha256 != first.sha256


def test_all_files_of_an_ome_tiff_belong_to_it(tmp_path):
    """Each file of the set describes both; the second one is changed where no header is."""
    names = ("c0.ome.tif", "c1.ome.tif")
    parts = "".join(
        f'<TiffData FirstC="{c}" IFD="0" PlaneCount="2"><UUID FileName="{name}">urn:uuid:{c}</UUID></TiffData>'
        for c, name in enumerate(names)
    )
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="8" SizeY="8" SizeZ="2" SizeC="2" SizeT="1">'
        f'<Channel ID="Channel:0:0"/><Channel ID="Channel:0:1"/>{parts}</Pixels></Image></OME>'
    )
    for c, name in enumerate(names):
        voxels = np.full((2, 8, 8), 7 + c, np.uint8)
        tifffile.imwrite(tmp_path / name, voxels, description=xml, metadata=None, photometric="minisblack")
    first = take(tmp_path, names[0])
    assert first.n_bytes == sum((tmp_path / name).stat().st_size for name in names)
    content = bytearray((tmp_path / names[1]).read_bytes())
    content[content.index(b"\x08" * 64)] = 9
    (tmp_path / names[1]).write_bytes(content)
    assert take(tmp_path, names[0]).sha256 != first.sha256


def test_a_missing_recording_is_named(tmp_path):
    with pytest.raises(ReadError) as caught:
        take(tmp_path, "none.tif")
    assert str(caught.value) == f"{tmp_path / 'none.tif'}: cannot be read: No such file or directory"


def test_a_stamp_changes_with_size_and_time(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"1")
    os.utime(path, ns=(1, 1))
    first = take_stamp(path)
    assert take_stamp(path) == first
    path.write_bytes(b"12")
    os.utime(path, ns=(1, 1))
    assert take_stamp(path) != first
