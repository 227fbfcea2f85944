import os

import pytest

from respine.core.errors import InputError
from respine.study.check import check_study
from respine.study.manifest import read_study
from respine.study.problem import Problem
from respine.study.rows import RecordingRow, SessionRow
from respine.study.template import TEMPLATE, write_template


@pytest.mark.parametrize("there", [False, True])
def test_the_template_is_a_study_but_for_its_stacks(tmp_path, there):
    folder = tmp_path / "a" / "study"
    if there:
        folder.mkdir(parents=True)
    write_template(folder)
    assert sorted(f.name for f in folder.iterdir()) == sorted([*TEMPLATE, "stacks"])
    assert [f.name for f in folder.parent.iterdir()] == ["study"]
    study = read_study(folder)
    assert study.fovs() == (("m1", "f1"), ("m2", "f1"))
    problems = check_study(folder)
    assert len(problems) == 6
    assert all(isinstance(p, Problem) and p.found.startswith("nothing at stacks/") for p in problems)


def test_every_file_explains_itself():
    assert all(text.startswith("# ") for text in TEMPLATE.values())
    for file, model in (("recordings.csv", RecordingRow), ("sessions.csv", SessionRow)):
        header = next(line for line in TEMPLATE[file].splitlines() if not line.startswith("#"))
        assert set(header.split(",")) <= set(model.model_fields)


def raises(folder, message):
    before = sorted(folder.parent.rglob("*"))
    with pytest.raises(InputError) as caught:
        write_template(folder)
    assert str(caught.value) == f"{folder}: {message}"
    assert sorted(folder.parent.rglob("*")) == before


def test_what_is_there_stays(tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    raises(folder, "found a folder that is not empty; expected an empty one, or none")
    raises(folder / "notes.txt", "found a file; expected an empty folder, or none")
    with pytest.raises(InputError, match=r"study: found a place that cannot be written \(.*\); expected one that can$"):
        write_template(folder / "notes.txt" / "study")


@pytest.mark.parametrize("there", [False, True])
def test_nothing_is_left_half_written(tmp_path, monkeypatch, there):
    if there:
        (tmp_path / "study").mkdir()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.rename", full)
    raises(tmp_path / "study", "found a place that cannot be written (No space left on device); expected one that can")


def test_the_folder_one_stands_in(tmp_path, monkeypatch):
    (tmp_path / "study").mkdir()
    monkeypatch.chdir(tmp_path / "study")
    write_template(".")
    assert (tmp_path / "study" / "study.toml").exists()
    assert os.listdir(tmp_path) == ["study"]
