"""XML as Prairie View writes it: version 5 with PVStateValue, version 4 with Key."""

import numpy as np
import pytest
import tifffile

from respine.core.errors import ReadError
from respine.io.stack_files import open_stack

STATE = """
  <PVStateShard>
    <PVStateValue key="linesPerFrame" value="12" />
    <PVStateValue key="micronsPerPixel">
      <IndexedValue index="XAxis" value="0.116" />
      <IndexedValue index="YAxis" value="0.117" />
      <IndexedValue index="ZAxis" value="1" />
    </PVStateValue>
    <PVStateValue key="opticalZoom" value="4" />
    <PVStateValue key="pixelsPerLine" value="16" />
  </PVStateShard>"""
FRAME_STATE = """
      <PVStateShard>
        <PVStateValue key="positionCurrent">
          <SubindexedValues index="XAxis"><SubindexedValue subindex="0" value="3.5" /></SubindexedValues>
          <SubindexedValues index="ZAxis">
            <SubindexedValue subindex="0" value="{focus}" description="Z Focus" />
            <SubindexedValue subindex="1" value="{piezo}" description="Bruker 400 um Piezo" />
          </SubindexedValues>
        </PVStateValue>
      </PVStateShard>"""


def sequence(files, *, kind="ZSeries", cycle=1, frame_state="", step=1.5):
    frames = ""
    for k, entries in enumerate(files):
        inner = "".join(
            f'<File channel="{c}" channelName="Ch{c}" page="{page}" preambleFilename="x" filename="{name}" />'
            for c, page, name in entries
        )
        state = frame_state.format(focus=100, piezo=50 - step * k)
        frames += f'<Frame relativeTime="{k}" index="{k + 1}" parameterSet="CurrentSettings">{inner}{state}</Frame>'
    return f'<Sequence type="{kind}" cycle="{cycle}" time="10:00:00">{frames}</Sequence>'


def write_xml(folder, *sequences, state=STATE):
    start = '<?xml version="1.0" encoding="utf-8"?><PVScan version="5.5.64.600" notes="">'
    path = folder / "ZSeries-001.xml"
    path.write_text(f"{start}{state}{''.join(sequences)}</PVScan>")
    return path


def write_recording(folder, data, **more):
    """One file a page; `data` has the axes cycle, slice, channel, y, x."""
    sequences = []
    for cycle, volume in enumerate(data, 1):
        files = []
        for k, frame in enumerate(volume, 1):
            names = [(c, 1, f"ZSeries-001_Cycle{cycle:05d}_Ch{c}_{k:06d}.ome.tif") for c in range(1, len(frame) + 1)]
            files.append(names)
            for (_, _, name), page in zip(names, frame, strict=True):
                tifffile.imwrite(folder / name, page, metadata=None)
        sequences.append(sequence(files, cycle=cycle, **more))
    return write_xml(folder, *sequences)


def raises(path, message):
    with pytest.raises(ReadError) as caught:
        open_stack(path)
    assert str(caught.value) == message.format(path=path)


def test_a_z_series_of_two_channels(tmp_path, planes):
    data = planes((1, 5, 2, 12, 16))
    xml = write_recording(tmp_path, data)
    for path in (xml, tmp_path):
        file = open_stack(path)
        assert (file.format, file.shape, file.repeats, file.zoom) == ("Bruker", (2, 5, 12, 16), 1, 4)
        assert (file.channel_names, file.channel_numbers) == (("Ch1", "Ch2"), (1, 2))
        assert file.voxel_um == pytest.approx((1, 0.117, 0.116))
        np.testing.assert_array_equal(file.read("Ch2"), data[0, :, 1])


def test_positions_of_the_frames_tell_the_step_better_than_the_state(tmp_path, planes):
    path = write_recording(tmp_path, planes((1, 5, 1, 12, 16)), frame_state=FRAME_STATE)
    assert open_stack(path).voxel_um == pytest.approx((1.5, 0.117, 0.116))


def test_cycles_are_averaged(tmp_path, planes):
    data = planes((3, 5, 1, 12, 16))
    file = open_stack(write_recording(tmp_path, data, kind="TSeries ZSeries Element"))
    assert file.repeats == 3
    np.testing.assert_allclose(file.read(), data[:, :, 0].mean(axis=0), rtol=1e-6)


def test_pages_of_one_file(tmp_path, planes):
    data = planes((5, 12, 16))
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="minisblack", metadata=None)
    path = write_xml(tmp_path, sequence([[(2, k + 1, "a.tif")] for k in reversed(range(5))]))
    file = open_stack(path)
    assert file.channel_numbers == (2,)
    np.testing.assert_array_equal(file.read(2), data[::-1])
    path = write_xml(tmp_path, sequence([[(2, k + 2, "a.tif")] for k in range(5)]))
    with pytest.raises(ReadError, match=r"a\.tif: found 5 pages; expected 6 as ZSeries-001\.xml says$"):
        open_stack(path)


def test_version_4_keeps_its_state_in_keys(tmp_path, planes):
    state = (
        '<PVStateShard><Key key="micronsPerPixel_XAxis" permissions="Read, Write, Save" value="0.25" />'
        '<Key key="micronsPerPixel_YAxis" value="0.5" /><Key key="positionCurrent_ZAxis" value="{piezo}" />'
        '<Key key="opticalZoom" value="2" /></PVStateShard>'
    )
    write_recording(tmp_path, planes((1, 5, 1, 12, 16)), frame_state=state, step=2)
    path = tmp_path / "ZSeries-001.xml"
    path.write_text(path.read_text().replace(STATE, ""))
    file = open_stack(path)
    assert (file.voxel_um, file.zoom) == ((2, 0.5, 0.25), 2)


def test_a_missing_or_truncated_page_is_named(tmp_path, planes):
    path = write_recording(tmp_path, planes((1, 5, 1, 12, 16)))
    page = tmp_path / "ZSeries-001_Cycle00001_Ch1_000003.ome.tif"
    page.write_bytes(page.read_bytes()[:100])
    with pytest.raises(ReadError, match=rf"^{page}: found a truncated TIFF \(100 bytes\); expected at least \d+$"):
        open_stack(path)
    page.unlink()
    raises(
        path,
        f"{{path}}: found 4 of 5 TIFF files (missing {page.name}); expected all that it lists, in its own folder",
    )


def test_what_is_no_z_stack(tmp_path, planes):
    path = write_recording(tmp_path, planes((1, 5, 1, 12, 16)), kind="TSeries Timed Element")
    raises(path, "{path}: found a sequence of type 'TSeries Timed Element'; expected a ZSeries")
    path = write_xml(tmp_path)
    raises(path, "{path}: found sequences of [] frames; expected z-series of equal numbers of slices")
    one, two = [[(1, 1, "a.tif")]], [[(1, 1, "a.tif")], [(1, 1, "b.tif")]]
    path = write_xml(tmp_path, sequence(one), sequence(two))
    raises(path, "{path}: found sequences of [1, 2] frames; expected z-series of equal numbers of slices")
    path = write_xml(tmp_path, sequence([*one, [(1, 1, "b.tif"), (2, 1, "c.tif")]]))
    raises(path, "{path}: found channels [1] in frame 1 of sequence 1; expected channels [1, 2] in every frame")
    path = write_xml(tmp_path, sequence([[(1, 0, "a.tif")]]))
    raises(
        path,
        "{path}: found a File with channel '1', page '0', filename 'a.tif'; "
        "expected a number, a page from 1 and a name",
    )
    path.write_text(path.read_text()[:-20])
    with pytest.raises(ReadError, match=r"found broken XML \(.*\); expected a PVScan as Prairie View writes it$"):
        open_stack(path)


def test_two_recordings_in_a_folder(tmp_path, planes):
    path = write_recording(tmp_path, planes((1, 5, 1, 12, 16)))
    (tmp_path / "b.xml").write_text(path.read_text())
    raises(
        tmp_path,
        "{path}: found 2 Prairie View recordings (ZSeries-001.xml, b.xml); expected one; give the path of its XML",
    )
