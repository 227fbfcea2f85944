"""The program as a user meets it: answers, exit codes, one clean message and never a traceback."""

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import respine
from respine.cli import main
from respine.io.tiff_write import write_tiff_stack
from respine.study import run as study_run
from respine.study.graph import Stage
from respine.study.lock import hold_lock
from respine.study.results import Results

PROGRAM = Path(main.__file__).parent


def call(*words):
    return CliRunner().invoke(main.app, [str(word) for word in words])


def density(inputs):
    if (inputs.study / "break").exists():
        raise ValueError("no shaft")
    row = {
        "subject": inputs.task.subject,
        "session": inputs.task.session,
        "n_dendrites": 1,
        "n_scorable": 3,
        "n_present": 2,
        "length_um": 4.0,
        "density_per_um": 0.5,
        "density_mean_of_dendrites_per_um": 0.5,
        "reason": None,
    }
    return {"density_by_subject": pd.DataFrame([row])}


def total(inputs):
    return len(list(inputs.each("density")))


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of two small stacks, run by stages that take no time."""
    stages = (
        Stage("density", 1, "session", density, reads=("structure",), tables=("density_by_subject",)),
        Stage("total", 1, "study", total, needs=("density",)),
    )
    monkeypatch.setattr(study_run, "STAGES", stages)
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.toml").write_text('name = "small"\n')
    (folder / "subjects.csv").write_text("subject\nm1\n")
    (folder / "sessions.csv").write_text("subject,session,time_h\nm1,s0,0\nm1,s1,24\n")
    rows = ["subject,session,kind,fov,path"]
    for number in range(2):
        voxels = np.random.default_rng(number).integers(0, 255, (4, 32, 32)).astype(np.uint8)
        write_tiff_stack(folder / f"s{number}.tif", voxels, (1, *voxels.shape), np.uint8, (1.0, 0.5, 0.5))
        rows.append(f"m1,s{number},structure,a,s{number}.tif")
    (folder / "recordings.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_the_version():
    result = call("--version")
    assert (result.exit_code, result.output) == (0, f"respine {respine.__version__}\n")


def test_new_writes_a_template_and_check_finds_what_is_missing_in_it(tmp_path):
    folder = tmp_path / "mine"
    result = call("new", folder)
    assert result.exit_code == 0
    assert result.output == f"{folder}: a template to edit; then: respine check {folder}\n"
    result = call("check", folder)
    assert result.exit_code == 1
    assert "recordings.csv, row 8, path: found nothing at stacks/m1_f1_s0.tif; expected" in result.stdout
    assert re.fullmatch(rf"{re.escape(str(folder))}: \d+ errors, \d+ warnings\n", result.stderr)


def test_new_does_not_write_over_something(tmp_path):
    (tmp_path / "notes.txt").touch()
    result = call("new", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("respine: ")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_study_from_check_to_report(study, tmp_path):
    assert call("check", study).exit_code == 0
    status = call("status", study)
    assert status.output == "density          0 of 2\ntotal            0 of 1\nrunning: no\n"
    ran = call("run", study, "--workers", "1")
    report = study / "results" / "report.html"
    assert ran.exit_code == 0, ran.output
    # Not a terminal: no bar.
    assert ran.output == f"3 tasks done, 0 reused; open {report}\n"
    assert call("status", study).output == "density          2 of 2\ntotal            1 of 1\nrunning: no\n"
    assert call("run", study, "--workers", "1").output == f"0 tasks done, 3 reused; open {report}\n"
    csv = tmp_path / "density.csv"
    assert call("table", study, "density_by_subject", "--csv", csv).output == f"{csv}: 2 rows\n"
    assert pd.read_csv(csv)["density_per_um"].tolist() == [0.5, 0.5]
    assert "density_per_um" in call("table", study, "density_by_subject").output
    report.unlink()
    assert call("report", study).output == f"open {report}\n"
    assert report.read_text().startswith("<!")


def test_the_command_writes_what_the_function_returns(study, tmp_path):
    call("run", study, "--workers", "1")
    csv = tmp_path / "out.csv"
    call("table", study, "density_by_subject", "--csv", csv)
    by_function = Results(study).read_table("density_by_subject")
    assert csv.read_text() == by_function.to_csv(index=False)
    again = study_run.run_study(study, workers=1)
    assert (again.n_done, again.n_reused) == (0, 3)


def test_a_failing_task_is_one_message_and_exit_1(study):
    (study / "break").touch()
    result = call("run", study, "--workers", "1")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        "respine: stage density, subject m1, fov a, session s0: ValueError: no shaft\n"
        "respine: stage density, subject m1, fov a, session s1: ValueError: no shaft\n"
        "0 tasks done, 0 reused, 2 failed; waiting for them: stage total (1); what is done is kept\n"
    )
    assert not (study / "results" / "report.html").exists()
    status = call("status", study).output
    assert "failed: stage density, subject m1, fov a, session s0: ValueError: no shaft\n" in status
    (study / "break").unlink()
    assert call("run", study, "--workers", "1").exit_code == 0
    assert "failed" not in call("status", study).output


def test_a_second_run_is_refused(study):
    (study / "results").mkdir()
    with hold_lock(study / "results"):
        result = call("run", study, "--workers", "1")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"respine: {study}: another run works on this study (process ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "{}/none"), "respine: the study has 1 problem(s):\n  {}/none: found no such folder; expected a study"),
        (("status", "{}"), "respine: the study has"),
        (("table", "{}", "spines"), "respine: {}: no table spines; the tables are: none yet: run the study first\n"),
        (("report", "{}"), "respine: the study has"),
    ],
)
def test_what_cannot_be_done_is_one_message(tmp_path, words, message):
    result = call(*(word.format(tmp_path) for word in words))
    assert result.exit_code == 1
    assert result.stderr.startswith(message.format(tmp_path))
    assert "Traceback" not in result.output


def test_a_study_that_has_not_been_run_has_no_report(study):
    result = call("report", study)
    path = study / "results" / "provenance.json"
    assert result.stderr == f"respine: {path}: not there; run the study first: respine run {study}\n"


def test_a_csv_that_cannot_be_written_is_one_message(study):
    call("run", study, "--workers", "1")
    result = call("table", study, "density_by_subject", "--csv", study / "none" / "x.csv")
    assert result.exit_code == 1
    assert result.stderr.startswith("respine: ")


@pytest.mark.parametrize("path", sorted(PROGRAM.glob("*.py")), ids=lambda path: path.name)
def test_command_bodies_are_short_and_import_inside(path):
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert node.end_lineno - body[0].lineno + 1 <= 15, node.name
        if isinstance(node, ast.ImportFrom) and node.module.startswith("respine."):
            assert node.module.startswith(("respine.cli.", "respine.core.errors")), node.module


def test_every_command_has_help():
    for command in main.app.registered_commands:
        assert inspect.getdoc(command.callback)
