import numpy as np
import pytest
import tifffile

from respine.core.errors import ReadError
from respine.io.stack_files import open_stack

PHYSICAL = {
    "PhysicalSizeX": 120.0,
    "PhysicalSizeXUnit": "nm",
    "PhysicalSizeY": 0.12,
    "PhysicalSizeYUnit": "µm",
    "PhysicalSizeZ": 0.0015,
    "PhysicalSizeZUnit": "mm",
}
OME = '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{}</OME>'


def image(pixels, inner="", **more):
    sizes = {"SizeX": 7, "SizeY": 6, "SizeZ": 3, "SizeC": 2, "SizeT": 1, "DimensionOrder": "XYZCT", **pixels}
    text = " ".join(f'{key}="{value}"' for key, value in {**sizes, **more}.items())
    return OME.format(f'<Image ID="Image:0"><Pixels ID="Pixels:0" Type="uint16" {text}>{inner}</Pixels></Image>')


def write_pages(path, pages, xml):
    tifffile.imwrite(path, pages, photometric="minisblack", metadata=None, description=xml.encode())


def raises(path, message):
    with pytest.raises(ReadError) as caught:
        open_stack(path)
    assert str(caught.value) == message.format(path=path)


def test_units_and_channel_names(tmp_path, planes):
    data = planes((3, 2, 6, 7))
    said = {"axes": "ZCYX", "Channel": {"Name": ["GFP", "tdTomato"]}, **PHYSICAL}
    tifffile.imwrite(tmp_path / "a.ome.tif", data, ome=True, photometric="minisblack", metadata=said)
    file = open_stack(tmp_path / "a.ome.tif")
    assert (file.format, file.shape, file.channel_names) == ("OME-TIFF", (2, 3, 6, 7), ("GFP", "tdTomato"))
    assert file.voxel_um == pytest.approx((1.5, 0.12, 0.12))
    np.testing.assert_array_equal(file.read("tdtomato"), data[:, 1])
    np.testing.assert_array_equal(file.read(1), data[:, 0])


def test_without_sizes_or_with_units_of_pixels_there_is_no_voxel(tmp_path, planes):
    pages = planes((6, 6, 7))
    write_pages(tmp_path / "a.tif", pages, image({}, PhysicalSizeX=1, PhysicalSizeXUnit="pixel", PhysicalSizeZ="x"))
    assert open_stack(tmp_path / "a.tif").voxel_um == (None, None, None)


@pytest.mark.parametrize("order", ["XYZCT", "XYZTC", "XYCZT", "XYCTZ", "XYTCZ", "XYTZC"])
def test_every_order_of_the_dimensions(tmp_path, planes, order):
    sizes = {"Z": 3, "C": 2, "T": 4}
    slow_to_fast = order[:1:-1]
    pages = planes((24, 6, 7))
    write_pages(tmp_path / "a.tif", pages, image({"SizeT": 4, "DimensionOrder": order}))
    file = open_stack(tmp_path / "a.tif")
    shaped = pages.reshape(*(sizes[axis] for axis in slow_to_fast), 6, 7)
    shaped = shaped.transpose(*(slow_to_fast.index(axis) for axis in "CZT"), 3, 4)
    assert (file.shape, file.repeats) == ((2, 3, 6, 7), 4)
    for channel in (1, 2):
        np.testing.assert_allclose(file.read(channel), shaped[channel - 1].mean(axis=1), rtol=1e-6)


def test_pages_in_the_order_that_the_xml_says(tmp_path, planes):
    pages = planes((6, 6, 7))
    where = [5, 3, 1, 0, 2, 4]  # page of plane k: channel k // 3, slice k % 3
    inner = "".join(
        f'<TiffData FirstC="{k // 3}" FirstZ="{k % 3}" IFD="{page}" PlaneCount="1"/>' for k, page in enumerate(where)
    )
    write_pages(tmp_path / "a.tif", pages, image({}, inner))
    file = open_stack(tmp_path / "a.tif")
    np.testing.assert_array_equal(file.read(1), pages[where[:3]])
    np.testing.assert_array_equal(file.read(2), pages[where[3:]])


def several_files(folder, pages):
    inner = "".join(
        f'<TiffData FirstC="{c}" IFD="0" PlaneCount="3"><UUID FileName="c{c}.ome.tif">urn:uuid:{c}</UUID></TiffData>'
        for c in (0, 1)
    )
    for c in (0, 1):
        write_pages(folder / f"c{c}.ome.tif", pages[3 * c : 3 * c + 3], image({}, inner))


def test_a_stack_of_several_files(tmp_path, planes):
    pages = planes((6, 6, 7))
    several_files(tmp_path, pages)
    file = open_stack(tmp_path / "c0.ome.tif")
    assert [f.name for f in file.files] == ["c0.ome.tif", "c1.ome.tif"]
    np.testing.assert_array_equal(file.read(2), pages[3:])
    np.testing.assert_array_equal(open_stack(tmp_path / "c1.ome.tif").read(1), pages[:3])
    (tmp_path / "c1.ome.tif").unlink()
    raises(
        tmp_path / "c0.ome.tif",
        "{path}: found no file c1.ome.tif, which its XML names; expected it in the same folder",
    )


def test_a_companion_file_describes_the_pages(tmp_path, planes):
    pages = planes((6, 6, 7))
    only = OME.format('<BinaryOnly MetadataFile="a.companion.ome" UUID="urn:uuid:1"/>')
    write_pages(tmp_path / "a.tif", pages, only)
    expected = "expected it in the same folder"
    raises(tmp_path / "a.tif", "{path}: found no file a.companion.ome, which describes it; " + expected)
    (tmp_path / "a.companion.ome").write_text(image({}))
    np.testing.assert_array_equal(open_stack(tmp_path / "a.tif").read(2), pages[3:])


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        (image({"SizeZ": 4}), "found 6 pages; expected 8 as its XML says (4 Z x 2 C x 1 T)"),
        (image({"SizeX": 8}), "found pages of 6 x 7; expected 6 x 8 as its XML says"),
        (image({"SizeZ": "many"}), "found SizeZ 'many' in its XML; expected a whole number"),
        (image({"DimensionOrder": "XYABC"}), None),
        (image({}).replace("<Image", "<Image/><Image", 1).replace("</Pixels>", "</Pixels><Pixels/>"), None),
        (
            image({}, '<TiffData IFD="0" PlaneCount="5"/>'),
            "found 1 planes without a page; expected a page for each of 6 planes",
        ),
        (image({}, '<TiffData IFD="3" PlaneCount="6"/>'), "found no page 7 for plane 4; expected 6 planes"),
        (image({}, '<TiffData IFD="0" PlaneCount="7"/>'), "found PlaneCount 7; expected at most 6"),
        (image({}).replace("<Pixels", "<Pixels <"), None),
    ],
)
def test_xml_that_does_not_fit(tmp_path, planes, xml, message):
    write_pages(tmp_path / "a.tif", planes((6, 6, 7)), xml)
    if message is not None:
        raises(tmp_path / "a.tif", "{path}: " + message)
    else:
        with pytest.raises(
            ReadError, match=r"a\.tif: found (DimensionOrder 'XYABC'|2 images in its XML|broken OME-XML)"
        ):
            open_stack(tmp_path / "a.tif")
