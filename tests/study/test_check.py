import os

import imagecodecs
import numpy as np
import pytest
import tifffile

from respine.core.settings import StageSettings
from respine.io.ome_zarr_write import write_ome_zarr
from respine.io.stack_files import FORMATS
from respine.io.tiff_write import write_tiff_stack
from respine.study.check import check_study
from respine.study.template import write_template

VOXEL = (1.0, 0.1, 0.1)
ROWS = ["m1,s0", "m1,s1", "m1,s2", "m2,s0", "m2,s1", "m2,s2"]


def write_stack(path, shape=(8, 20, 30), voxel_um=VOXEL, dtype="u1"):
    write_tiff_stack(path, np.ones(shape, dtype), (1, *shape), dtype, voxel_um)


@pytest.fixture
def folder(tmp_path):
    """A good study: the template, and a stack for each of its recordings, which stand in rows 8 to 13."""
    folder = tmp_path / "study"
    write_template(folder)
    for row in ROWS:
        subject, session = row.split(",")
        write_stack(folder / f"stacks/{subject}_f1_{session}.tif")
    return folder


@pytest.fixture
def edit(folder):
    def edit(file, old, new):
        path = folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return edit


def lines(folder, **options):
    return [str(problem) for problem in check_study(folder, **options)]


def test_a_good_study_has_no_problem(folder):
    assert lines(folder) == []


def test_what_is_no_study(tmp_path):
    expected = "expected a study folder; `respine new` writes one"
    assert lines(tmp_path / "none") == [f"{tmp_path / 'none'}: found no such folder; {expected}"]
    (tmp_path / "file").write_text("")
    assert lines(tmp_path / "file") == [f"{tmp_path / 'file'}: found a file; {expected}"]
    assert lines(tmp_path) == [
        "study.toml: found no such file; expected the definition of the study",
        "subjects.csv: found no such file; expected a table",
        "sessions.csv: found no such file; expected a table",
        "recordings.csv: found no such file; expected a table",
    ]


def test_stacks_that_are_not_there_or_not_whole(folder):
    stacks = folder / "stacks"
    (stacks / "m1_f1_s0.tif").unlink()
    whole = (stacks / "m1_f1_s1.tif").read_bytes()
    (stacks / "m1_f1_s1.tif").write_bytes(whole[:2000])
    (stacks / "m1_f1_s2.tif").write_bytes(b"")
    (stacks / "m2_f1_s0.tif").write_text("no image")
    tifffile.imwrite(stacks / "m2_f1_s1.tif", np.zeros((8, 20, 30, 3), "u1"), photometric="rgb", metadata=None)
    problems = lines(folder)
    assert problems[0] == f"recordings.csv, row 8, path: found nothing at stacks/m1_f1_s0.tif; expected {FORMATS}"
    assert problems[1].startswith(
        "recordings.csv, row 9, path: found a truncated TIFF (2000 bytes) in stacks/m1_f1_s1.tif; expected at least "
    )
    assert problems[2:] == [
        f"recordings.csv, row 10, path: found an empty file (0 bytes) in stacks/m1_f1_s2.tif; expected {FORMATS}",
        "recordings.csv, row 11, path: found a file that starts with b'no image' in stacks/m2_f1_s0.tif; "
        f"expected {FORMATS}",
        "recordings.csv, row 12, path: found a colour image (3 samples per pixel) in stacks/m2_f1_s1.tif; "
        "expected grey images, one channel a page",
    ]


def test_damage_among_compressed_pixels_is_found_unless_pixels_are_left_out(folder):
    path = folder / "stacks/m1_f1_s1.tif"
    tifffile.imwrite(
        path,
        np.random.default_rng(0).integers(0, 255, (8, 20, 30), "u1"),
        compression="zlib",
        ome=True,
        photometric="minisblack",
        metadata={"axes": "ZYX", **dict(zip(("PhysicalSizeZ", "PhysicalSizeY", "PhysicalSizeX"), VOXEL, strict=True))},
    )
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tif:
        start = tif.pages[3].dataoffsets[0]
    content[start : start + 10] = b"\xff" * 10
    path.write_bytes(content)
    assert lines(folder, pixels=False) == []
    (problem,) = lines(folder)
    assert problem.startswith("recordings.csv, row 9, path: found page 4 that cannot be decoded (")
    assert problem.endswith(" in stacks/m1_f1_s1.tif; expected intact pixels")


def test_nan_in_a_float_stack(folder):
    data = np.ones((8, 20, 30), "f4")
    data[2, 3, 4] = np.nan
    write_tiff_stack(folder / "stacks/m2_f1_s1.tif", data, (1, 8, 20, 30), "f4", VOXEL)
    assert lines(folder) == [
        "recordings.csv, row 12, path: found 1 values that are NaN or infinite in slice 2, the first at row 3, "
        "column 4 in stacks/m2_f1_s1.tif; expected finite values"
    ]


def test_voxel_sizes_that_nobody_says_or_that_disagree(folder, edit):
    path = folder / "stacks/m1_f1_s1.tif"
    tifffile.imwrite(path, np.zeros((8, 20, 30), "u1"), photometric="minisblack")
    edit("recordings.csv", "m1_f1_s1.tif,,,,", "m1_f1_s1.tif,,1.0,,0.1")
    edit("recordings.csv", "m1_f1_s2.tif,,,,", "m1_f1_s2.tif,,1.02,0.1,")
    assert lines(folder) == [
        "recordings.csv, row 9, voxel_y_um: found no voxel_y_um in the header and none given; expected one of them",
        "recordings.csv, row 10, voxel_z_um: found voxel_z_um 1 in the header but 1.02 given; expected them within 1 %",
    ]


def test_channels(folder, edit):
    data = np.ones((16, 20, 30), "u1")
    for session in ("s0", "s1"):
        write_tiff_stack(folder / f"stacks/m1_f1_{session}.tif", data, (2, 8, 20, 30), "u1", VOXEL, "imagej")
    edit("recordings.csv", "m1_f1_s1.tif,,", "m1_f1_s1.tif,3,")
    assert lines(folder) == [
        "recordings.csv, row 8, channel: found several channels and none given in stacks/m1_f1_s0.tif; "
        "expected one of 1, 2",
        "recordings.csv, row 9, channel: found no channel '3' in stacks/m1_f1_s1.tif; expected one of 1, 2",
    ]


@pytest.mark.parametrize(
    ("shape", "voxel_um", "axis", "extent", "least"),
    [((3, 20, 30), VOXEL, "z", 3, 4), ((8, 9, 30), VOXEL, "y", 0.9, 1), ((8, 20, 30), (1.0, 0.1, 0.04), "x", 1.2, 1.5)],
)
def test_stacks_of_a_field_that_cannot_overlap(folder, shape, voxel_um, axis, extent, least):
    write_stack(folder / "stacks/m1_f1_s1.tif", shape, voxel_um)
    assert lines(folder) == [
        f"recordings.csv, row 9, path: found a stack of {extent:g} um along {axis}; "
        f"expected at least {least:g} um, half of that in row 8, so that the two overlap"
    ]


def test_a_stack_of_half_the_extent_and_one_of_another_animal_are_no_problem(folder):
    write_stack(folder / "stacks/m1_f1_s1.tif", (4, 20, 30))
    for session in ("s0", "s1", "s2"):
        write_stack(folder / f"stacks/m2_f1_{session}.tif", (80, 20, 30))
    assert lines(folder) == []


def test_another_zoom_is_warned_of(folder):
    write_stack(folder / "stacks/m1_f1_s1.tif", (8, 20, 30), (1.0, 0.15, 0.1))
    assert lines(folder) == [
        "warning: recordings.csv, row 9, path: found voxels of 0.15 um along y; expected about 0.1 um, as in row 8"
    ]


def test_a_single_slice(folder, edit):
    write_stack(folder / "stacks/m1_f1_s1.tif", (1, 20, 30))
    edit("recordings.csv", "m1_f1_s1.tif,,,,", "m1_f1_s1.tif,,10,,")
    problems = lines(folder)
    assert (
        "recordings.csv, row 9, path: found a single slice in stacks/m1_f1_s1.tif; expected a z-stack of several"
        in (problems)
    )


def test_every_format_can_be_a_recording(folder, edit):
    data = np.ones((8, 20, 30), "u1")
    write_ome_zarr(folder / "stacks/a.zarr", data, (1, 8, 20, 30), "u1", VOXEL)
    (folder / "stacks/slices").mkdir()
    for k, plane in enumerate(data):
        (folder / f"stacks/slices/{k}.png").write_bytes(imagecodecs.png_encode(plane))
    edit("recordings.csv", "m1_f1_s0.tif", "a.zarr")
    edit("recordings.csv", "m1_f1_s1.tif,,,,", "slices,,1,0.1,0.1")
    assert lines(folder) == []
    (folder / "stacks/a.zarr/0/c/0/3/0/0").unlink()
    assert lines(folder) == [
        "warning: recordings.csv, row 8, path: found 1 chunks of stacks/a.zarr that are not on disk; "
        "expected all, unless they are dark: they are read as 0"
    ]


def test_other_recordings_are_looked_up(folder, edit, tmp_path):
    outside = tmp_path / "maze.csv"
    edit("recordings.csv", "m1,s0,", f"m1,s0,y_maze,,{outside},,,,\nm1,s1,dendrites,f1,trace.swc,,,,\nm1,s0,")
    assert lines(folder) == [
        f"recordings.csv, row 8, path: found nothing readable at {outside} (No such file or directory); "
        "expected a file or folder",
        "recordings.csv, row 9, path: found trace.swc, which cannot be opened (No such file or directory); "
        "expected a file that can be read",
    ]


def test_a_tracing_of_a_field_without_stacks(folder, edit):
    (folder / "trace.swc").write_text("1 3 0 0 0 1 -1\n2 3 1 1 1 1 1\n")
    edit("recordings.csv", "m1,s0,", "m1,s0,dendrites,f2,trace.swc,,,,\nm1,s0,")
    assert lines(folder) == [
        "recordings.csv, row 8, fov: found dendrites of fov f2 of m1, which has no structure; "
        "expected a structure recording of it"
    ]


@pytest.fixture
def trace(folder, edit):
    def trace(name, text):
        (folder / name).write_text(text)
        edit("recordings.csv", "m1,s0,structure", f"m1,s0,dendrites,f1,{name},,,,\nm1,s0,structure")
        return lines(folder)

    return trace


CENTRE_LINE = "dendrite,z_um,y_um,x_um,radius_um\nd1,2,0.5,0.5,0.4\nd1,3,1.5,2.5,0.4\n"


def test_a_good_tracing(trace):
    assert trace("trace.csv", CENTRE_LINE) == []


def test_a_tracing_in_voxels(trace):
    assert trace("trace.csv", CENTRE_LINE.replace("0.5,0.5", "5,5").replace("1.5,2.5", "15,25")) == [
        "recordings.csv, row 8, path: found points from 2 5 5 to 3 15 25 um (z y x) in trace.csv; "
        "expected most of them within its stack, 0 to 8 2 3 um"
    ]


def test_a_broken_tracing(trace, folder):
    assert trace("trace.csv", CENTRE_LINE.replace("1.5,2.5", "1.5,x")) == [
        "recordings.csv, row 8, path: found x_um 'x' in trace.csv, line 3; expected a number"
    ]
    (folder / "trace.csv").write_text("")
    assert lines(folder) == ["recordings.csv, row 8, path: found an empty file in trace.csv; expected a tracing"]


def test_a_tracing_of_another_format(trace):
    assert trace("trace.obj", CENTRE_LINE) == [
        "recordings.csv, row 8, path: found a name that ends in '.obj' in trace.obj; expected .swc or .csv"
    ]


def test_what_is_declared_and_has_nothing_is_warned_of(folder, edit):
    edit("study.toml", '"ketamine"]', '"ketamine", "saline"]')
    edit("study.toml", '"24h"]', '"24h", "7d"]')
    edit("subjects.csv", "m2,ketamine,f", "m2,ketamine,f\nm3,vehicle,f")
    edit("recordings.csv", "m2,s1,structure,f1,stacks/m2_f1_s1.tif,,,,\n", "")
    edit("recordings.csv", "m2,s2,structure,f1,stacks/m2_f1_s2.tif,,,,\n", "")
    problems = check_study(folder)
    assert {problem.level for problem in problems} == {"warning"}
    assert [str(problem) for problem in problems] == [
        "warning: study.toml, factors.treatment: found no subject with 'saline'; expected at least one",
        "warning: study.toml, phases: found no session of '7d'; expected at least one",
        "warning: subjects.csv, row 5: found no session of m3; expected at least one",
        "warning: sessions.csv, row 8: found no recording of m2 s1; expected at least one",
        "warning: sessions.csv, row 9: found no recording of m2 s2; expected at least one",
        "warning: recordings.csv, row 11: found one session of fov f1 of m2; expected at least two, to follow spines",
    ]


def test_sessions_out_of_order_are_warned_of(folder, edit):
    edit("sessions.csv", "m1,s0,-192,baseline\n", "")
    edit("sessions.csv", "m1,s2,24,24h\n", "m1,s2,24,24h\nm1,s0,-192,baseline\n")
    assert lines(folder) == [
        "warning: sessions.csv, row 6, time_h: found -192 after 24 in row 5; expected the sessions of a subject by time"
    ]


class TraceSettings(StageSettings):
    step_um: float = 1.0


def test_settings_where_the_stages_are_known(folder, edit):
    edit("study.toml", "# [settings.STAGE]\n", "[settings.trace]\nstep = 1\n")
    assert lines(folder) == []
    assert lines(folder, stages={"trace": TraceSettings}) == [
        "study.toml, settings.trace.step: found an unknown key; expected 'step_um' (known: step_um)"
    ]


def test_many_problems_come_at_once_in_the_order_of_the_files_and_rows(folder, edit):
    edit("study.toml", "seed = 0", "seed = -1")
    edit("subjects.csv", "m2,ketamine,f", "m2,ketamine,nan")
    edit("sessions.csv", "m1,s1,-24,", "m1,s1,,")
    edit("recordings.csv", "m1,s0,structure", "m1,s9,structure")
    (folder / "stacks/m1_f1_s0.tif").write_bytes(b"II*\0")
    (folder / "stacks/m1_f1_s1.tif").write_bytes(b"")
    edit("recordings.csv", "stacks/m2_f1_s0.tif", "../m2_f1_s0.tif")
    assert [problem.split(": ")[0] for problem in lines(folder)] == [
        "study.toml, seed",
        "subjects.csv, row 4, sex",
        "sessions.csv, row 5, time_h",
        "recordings.csv, row 8, session",
        "recordings.csv, row 8, path",
        "recordings.csv, row 9, path",
        "recordings.csv, row 11, path",
    ]


def test_a_folder_that_may_not_be_entered(folder):
    stacks = folder / "stacks"
    stacks.chmod(0)
    try:
        if os.access(stacks, os.X_OK):
            pytest.skip("this user may read everything")
        assert all("found something that cannot be opened" in line for line in lines(folder))
    finally:
        stacks.chmod(0o755)
