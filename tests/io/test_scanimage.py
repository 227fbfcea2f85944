"""Headers as ScanImage writes them: the keys and layout follow real files of the versions named."""

import numpy as np
import pytest
import tifffile

from respine.core.errors import ReadError
from respine.io.stack_files import open_stack, read_stack

SI_2022 = {
    "SI.LINE_FORMAT_VERSION": "1",
    "SI.VERSION_MAJOR": "'2022'",
    "SI.hChannels.channelName": "{'Channel 1' 'Channel 2' 'Channel 3' 'Channel 4'}",
    "SI.hChannels.channelSave": "[1;2]",
    "SI.hFastZ.enable": "false",
    "SI.hRoiManager.imagingFovUm": "[-60 -30;60 -30;60 30;-60 30]",
    "SI.hRoiManager.mroiEnable": "false",
    "SI.hRoiManager.scanZoomFactor": "4.5",
    "SI.hScan2D.logAverageFactor": "1",
    "SI.hStackManager.actualNumSlices": "5",
    "SI.hStackManager.actualStackZStepSize": "1.5",
    "SI.hStackManager.enable": "true",
    "SI.hStackManager.framesPerSlice": "3",
    "SI.hStackManager.numFramesPerVolumeWithFlyback": "5",
    "SI.hStackManager.numSlices": "5",
    "SI.hStackManager.stackMode": "'slow'",
    "SI.hStackManager.stackZStepSize": "1.5",
}
SHAPE = (20, 40)


def write(path, pages, header, *, old=False):
    text = "\n".join(f"{key} = {value}" for key, value in header.items())
    with tifffile.TiffWriter(path, bigtiff=not old) as writer:
        for k, page in enumerate(pages):
            frame = f"frameNumbers = {k // 2 + 1}\nframeTimestamps_sec = {k / 30:.9f}\n"
            options = {"description": text} if old else {"description": frame, "software": text}
            writer.write(page, contiguous=False, metadata=None, **options)


def raises(path, message):
    with pytest.raises(ReadError) as caught:
        open_stack(path)
    assert str(caught.value) == message.format(path=path)


def test_a_slow_stack_averages_the_frames_of_each_slice(tmp_path, planes):
    data = planes((5, 3, 2, *SHAPE), "i2")  # slices, frames, channels
    write(tmp_path / "a.tif", data.reshape(-1, *SHAPE), SI_2022)
    file = open_stack(tmp_path / "a.tif")
    assert (file.format, file.shape, file.repeats) == ("ScanImage TIFF", (2, 5, *SHAPE), 3)
    assert (file.channel_names, file.channel_numbers) == (("Channel 1", "Channel 2"), (1, 2))
    assert file.voxel_um == pytest.approx((1.5, 60 / 20, 120 / 40))
    assert file.zoom == 4.5
    np.testing.assert_allclose(file.read(2), data[:, :, 1].mean(axis=1), rtol=1e-6)


def test_channels_keep_the_numbers_of_the_microscope(tmp_path, planes):
    data = planes((5, 3, 2, *SHAPE), "i2")
    write(tmp_path / "a.tif", data.reshape(-1, *SHAPE), SI_2022 | {"SI.hChannels.channelSave": "[2;4]"})
    file = open_stack(tmp_path / "a.tif")
    assert file.channel_numbers == (2, 4)
    np.testing.assert_array_equal(file.read(4), file.read("channel 4"))
    np.testing.assert_allclose(file.read(4), data[:, :, 1].mean(axis=1), rtol=1e-6)


def test_one_channel_of_single_frames_is_mapped(tmp_path, planes):
    data = planes((5, *SHAPE), "i2")
    header = SI_2022 | {"SI.hChannels.channelSave": "1", "SI.hStackManager.framesPerSlice": "1"}
    write(tmp_path / "a.tif", data, header)
    stack = read_stack(tmp_path / "a.tif")
    assert stack.voxels.dtype == np.int16
    np.testing.assert_array_equal(stack.voxels, data)


def test_frames_averaged_while_logging_are_not_looked_for(tmp_path, planes):
    data = planes((5, 2, *SHAPE), "i2")
    write(tmp_path / "a.tif", data.reshape(-1, *SHAPE), SI_2022 | {"SI.hScan2D.logAverageFactor": "3"})
    file = open_stack(tmp_path / "a.tif")
    assert file.repeats == 1
    np.testing.assert_array_equal(file.read(2), data[:, 1])


def test_volumes_drop_the_flyback_and_what_is_not_complete(tmp_path, planes):
    header = SI_2022 | {
        "SI.hStackManager.framesPerSlice": "1",
        "SI.hStackManager.numFramesPerVolumeWithFlyback": "7",
        "SI.hStackManager.stackMode": "'fast'",
    }
    data = planes((3, 7, 2, *SHAPE), "i2")  # volumes, slices and two of flyback, channels
    pages = data.reshape(-1, *SHAPE)
    for used, volumes in ((len(pages), 3), (len(pages) - 4, 3), (len(pages) - 5, 2)):
        write(tmp_path / "a.tif", pages[:used], header)
        file = open_stack(tmp_path / "a.tif")
        assert (file.shape, file.repeats) == ((2, 5, *SHAPE), volumes)
        np.testing.assert_allclose(file.read(1), data[:volumes, :5, 0].mean(axis=0), rtol=1e-6)


def test_volumes_before_2020(tmp_path, planes):
    header = {k: v for k, v in SI_2022.items() if "actual" not in k and "WithFlyback" not in k and "stackMode" not in k}
    header |= {"SI.hFastZ.enable": "1", "SI.hFastZ.numFramesPerVolume": "6", "SI.hFastZ.numDiscardFlybackFrames": "1"}
    data = planes((2, 6, 2, *SHAPE), "i2")
    write(tmp_path / "a.tif", data.reshape(-1, *SHAPE), header)
    file = open_stack(tmp_path / "a.tif")
    assert (file.shape, file.repeats) == ((2, 5, *SHAPE), 2)
    np.testing.assert_allclose(file.read(1), data[:, :5, 0].mean(axis=0), rtol=1e-6)


def test_the_field_in_degrees_where_it_is_not_in_micrometres(tmp_path, planes):
    header = {k: v for k, v in SI_2022.items() if "FovUm" not in k}
    header |= {"SI.hRoiManager.imagingFovDeg": "[-4 -2;4 -2;4 2;-4 2]", "SI.objectiveResolution": "15"}
    write(tmp_path / "a.tif", planes((30, *SHAPE), "i2"), header)
    assert open_stack(tmp_path / "a.tif").voxel_um == pytest.approx((1.5, 4 * 15 / 20, 8 * 15 / 40))


def test_scanimage_4(tmp_path, planes):
    header = {
        "scanimage.SI4.acqNumAveragedFrames": "1",
        "scanimage.SI4.acqNumFrames": "2",
        "scanimage.SI4.channelsSave": "[1;2]",
        "scanimage.SI4.scanZoomFactor": "8",
        "scanimage.SI4.stackNumSlices": "4",
        "scanimage.SI4.stackZStepSize": "-1",
    }
    data = planes((4, 2, 2, *SHAPE), "i2")
    write(tmp_path / "a.tif", data.reshape(-1, *SHAPE), header, old=True)
    file = open_stack(tmp_path / "a.tif")
    assert (file.shape, file.repeats, file.zoom, file.voxel_um) == ((2, 4, *SHAPE), 2, 8, (1, None, None))
    np.testing.assert_allclose(file.read(2), data[:, :, 1].mean(axis=1), rtol=1e-6)


def test_scanimage_3(tmp_path, planes):
    lines = ["state.configName='x'", "state.acq.numberOfZSlices=4", "state.acq.numberOfFrames=2"]
    lines += ["state.acq.averaging=0", "state.acq.zStepSize=1", "state.acq.zoomFactor=10"]
    lines += ["state.acq.savingChannel1=1", "state.acq.savingChannel2=0", "state.acq.savingChannel3=1"]
    data = planes((4, 2, 2, *SHAPE))
    text = "\r".join(lines).encode()
    pages = data.reshape(-1, *SHAPE)
    tifffile.imwrite(tmp_path / "a.tif", pages, description=text, metadata=None, photometric="minisblack")
    file = open_stack(tmp_path / "a.tif")
    assert (file.shape, file.channel_numbers, file.zoom) == ((2, 4, *SHAPE), (1, 3), 10)
    assert file.voxel_um == (1, None, None)
    np.testing.assert_allclose(file.read(3), data[:, :, 1].mean(axis=1), rtol=1e-6)


def test_a_stack_that_was_stopped_before_it_was_complete(tmp_path, planes):
    write(tmp_path / "a.tif", planes((29, *SHAPE), "i2"), SI_2022)
    raises(
        tmp_path / "a.tif",
        "{path}: found 29 pages; expected 30 = 2 channels x 5 slices x 3 frames, as its header says",
    )


def test_what_cannot_be_told_apart_is_refused(tmp_path, planes):
    pages = planes((30, *SHAPE), "i2")
    write(tmp_path / "a.tif", pages, SI_2022 | {"SI.hChannels.channelSave": "[]"})
    raises(
        tmp_path / "a.tif",
        "{path}: found a header with 0 channels, 5 slices and 3 frames per slice; expected at least one of each",
    )
    write(tmp_path / "a.tif", pages, SI_2022 | {"SI.hRoiManager.mroiEnable": "1"})
    raises(
        tmp_path / "a.tif",
        "{path}: found an acquisition of several regions of interest; expected one field of view",
    )
    write(tmp_path / "a.tif", pages, SI_2022 | {"SI.hStackManager.enable": "false"})
    raises(tmp_path / "a.tif", "{path}: found a movie: 15 frames of one slice; expected a z-stack")
