import pickle
from pathlib import Path

import pytest

from respine.core.errors import StudyError
from respine.core.settings import StageSettings
from respine.study.manifest import read_study

GOOD = {
    "study.toml": 'name = "A study"\nseed = 7\nphases = ["baseline", "24h"]\n'
    '[factors]\ntreatment = ["vehicle", "ketamine"]\n[settings.register]\nsearch_um = 30.0\n',
    "subjects.csv": "subject,treatment,cage\nm2,ketamine,\nm1,vehicle,7\n",
    "sessions.csv": "subject,session,time_h,phase\nm1,s0,-24,baseline\nm1,s1,24,24h\nm2,s0,-25.5,baseline\nm2,x,0,\n",
    "recordings.csv": "subject,session,kind,fov,path,channel,voxel_z_um,frame_rate_hz\n"
    "m1,s1,structure,f1,b.tif,,,\nm1,s0,structure,f1,./sub/../a.tif,GFP,1.5,\nm2,s0,structure,f1,c.tif,2,,\n"
    "m2,s0,y_maze,,/data/maze.csv,,,30\n",
}


@pytest.fixture
def folder(tmp_path):
    def write(**changes):
        texts = dict(GOOD)
        for name, change in changes.items():
            file = next(f for f in GOOD if f.startswith(name))
            texts[file] = change(texts[file]) if callable(change) else change
        for file, text in texts.items():
            (tmp_path / file).unlink(missing_ok=True)
            if text is not None:
                (tmp_path / file).write_text(text)
        return tmp_path

    return write


@pytest.fixture
def problems(folder):
    def read(**changes):
        with pytest.raises(StudyError) as caught:
            read_study(folder(**changes))
        return [str(problem) for problem in caught.value.problems]

    return read


def replace(old, new):
    def change(text):
        assert old in text
        return text.replace(old, new)

    return change


def test_a_good_study(folder):
    study = read_study(folder())
    assert (study.name, study.seed, study.phases) == ("A study", 7, ("baseline", "24h"))
    assert study.factors == {"treatment": ("vehicle", "ketamine")}
    assert [(s.subject, dict(s.values)) for s in study.subjects] == [
        ("m2", {"treatment": "ketamine"}),
        ("m1", {"treatment": "vehicle", "cage": "7"}),
    ]
    assert [(s.subject, s.session, s.time_h, s.phase) for s in study.sessions] == [
        ("m2", "s0", -25.5, "baseline"),
        ("m2", "x", 0.0, None),
        ("m1", "s0", -24.0, "baseline"),
        ("m1", "s1", 24.0, "24h"),
    ]
    first, second, _, maze = study.recordings
    assert (second.path, second.channel, second.voxel_um) == (study.folder / "a.tif", "GFP", (1.5, None, None))
    assert (maze.path, maze.fov, maze.frame_rate_hz) == (Path("/data/maze.csv"), None, 30.0)
    assert (first.row, maze.row) == (2, 5)


def test_looking_things_up(folder):
    study = read_study(folder())
    assert study.fovs() == (("m1", "f1"), ("m2", "f1"))
    assert [r.path.name for r in study.recordings_of("m1", "f1")] == ["a.tif", "b.tif"]
    assert [s.session for s in study.sessions_of("m2")] == ["s0", "x"]
    assert study.session("m1", "s1").time_h == 24
    with pytest.raises(KeyError):
        study.session("m1", "s9")


def test_a_study_travels_to_a_worker(folder):
    study = read_study(folder())
    assert pickle.loads(pickle.dumps(study)) == study


class RegisterSettings(StageSettings):
    search_um: float = 20.0


def test_settings_of_a_stage(folder):
    study = read_study(folder(), {"register": RegisterSettings})
    assert study.stage_settings("register", RegisterSettings).search_um == 30
    assert study.stage_settings("other", RegisterSettings).search_um == 20
    with pytest.raises(StudyError) as caught:
        study.stage_settings("register", StageSettings)
    message = "study.toml, settings.register.search_um: found an unknown key; expected no such key"
    assert [str(p) for p in caught.value.problems] == [message]
    with pytest.raises(StudyError) as caught:
        read_study(study.folder, {})
    message = "study.toml, settings.register: found unknown stage; expected none: none is declared"
    assert str(caught.value) == f"the study has 1 problem(s):\n  {message}"


def test_decimal_commas_of_a_spreadsheet(folder):
    def german(text):
        return text.replace(",", ";").replace("-25.5", "-25,5")

    study = read_study(folder(sessions=german, recordings=lambda t: t.replace(",", ";").replace("1.5", "1,5")))
    assert study.session("m2", "s0").time_h == -25.5
    assert study.recordings_of("m1", "f1")[0].voxel_um[0] == 1.5


def test_a_decimal_comma_between_commas_is_named(problems):
    assert problems(sessions=replace("-25.5", '"-25,5"')) == [
        "sessions.csv, row 4, time_h: found '-25,5'; expected a number"
    ]


def test_all_problems_come_at_once_in_the_order_of_the_files(problems):
    found = problems(
        study=replace("seed = 7", "sede = 7"),
        subjects=replace("m1,vehicle,7", "m1,vehicle,nan\nm1,vehicle,"),
        sessions=replace("m1,s1,24,24h", "m1,s1,,24h\nm1,s0,30,\nm9,s0,later,\nm 9 ,s0,1,"),
        recordings=replace("m1,s1,structure,f1,b.tif,,,", "m1,s1,spine,f1,b.tif,,0,\nm1,s7,structure,,../b.tif,,x,"),
    )
    assert found == [
        "study.toml, sede: found an unknown key; expected 'seed' "
        "(known: name, description, seed, phases, factors, settings, contrasts)",
        "subjects.csv, row 3, cage: found 'nan'; expected a value, or an empty cell where there is none",
        "subjects.csv, row 4: found m1, as in row 3; expected each subject once",
        "sessions.csv, row 3, time_h: found nothing; expected a value",
        "sessions.csv, row 4: found m1, s0, as in row 2; expected each session of a subject once",
        "sessions.csv, row 5, time_h: found 'later'; expected a number",
        "sessions.csv, row 5, subject: found unknown subject 'm9'; expected one of: m2, m1",
        "sessions.csv, row 6, subject: found unknown subject 'm 9'; expected one of: m2, m1",
        "recordings.csv, row 2, kind: found 'spine'; "
        "expected one of: structure, dendrites, calcium, tail_suspension, sucrose_preference, y_maze, label",
        "recordings.csv, row 2, voxel_z_um: found '0'; expected a number above 0",
        "recordings.csv, row 3, voxel_z_um: found 'x'; expected a number",
        "recordings.csv, row 3, session: found unknown session 's7' of m1; expected one of: s0, s1",
        "recordings.csv, row 3, fov: found nothing; expected the field of view of this structure recording",
        "recordings.csv, row 3, path: found '../b.tif'; expected a path inside the study folder, or an absolute path",
    ]


def test_levels_phases_subjects_and_sessions_that_nobody_declared(problems):
    assert problems(subjects=replace("m1,vehicle", "m1,Vehicle")) == [
        "subjects.csv, row 3, treatment: found unknown level 'Vehicle'; expected 'vehicle' (known: vehicle, ketamine)"
    ]
    assert problems(subjects=replace("m1,vehicle", "m1,")) == [
        "subjects.csv, row 3, treatment: found nothing; expected one of: vehicle, ketamine"
    ]
    assert problems(sessions=replace("24,24h", "24,24")) == [
        "sessions.csv, row 3, phase: found unknown phase '24'; expected '24h' (known: baseline, 24h)"
    ]
    assert problems(recordings=replace("m1,s1", "m3,s1")) == [
        "recordings.csv, row 2, subject: found unknown subject 'm3'; expected one of: m2, m1"
    ]
    assert problems(recordings=replace("m1,s1", "m1,x")) == [
        "recordings.csv, row 2, session: found unknown session 'x' of m1; expected one of: s0, s1"
    ]


@pytest.mark.parametrize("path", ["../b.tif", "sub/../../b.tif", "..", ".", "https://host/b.tif", "..\\b.tif"])
def test_a_path_out_of_reach(problems, path):
    assert problems(recordings=replace("b.tif", path)) == [
        f"recordings.csv, row 2, path: found {path!r}; expected a path inside the study folder, or an absolute path"
    ]


def test_a_path_written_on_windows(folder):
    study = read_study(folder(recordings=replace("b.tif", "stacks\\b.tif")))
    assert study.recordings[0].path == study.folder / "stacks" / "b.tif"


def test_what_stands_twice_in_the_recordings(problems):
    assert problems(recordings=lambda t: t + "m1,s0,structure,f1,d.tif,,,\n") == [
        "recordings.csv, row 6: found m1, s0, structure, f1, as in row 3; "
        "expected each kind of recording of a session and fov once"
    ]
    assert problems(recordings=lambda t: t + "m1,s0,label,f1,./b.tif,,,\nm2,x,structure,f1,./b.tif,,,\n") == [
        "recordings.csv, row 7: found b.tif, structure, as in row 2; expected each file and channel once"
    ]


def test_two_rows_without_a_name_are_not_the_same_row(problems):
    assert problems(sessions=lambda t: t + "m1,,30,\nm1,,40,\n") == [
        "sessions.csv, row 6, session: found nothing; expected a value",
        "sessions.csv, row 7, session: found nothing; expected a value",
    ]


def test_an_imaging_recording_needs_its_field(problems):
    assert problems(recordings=replace("m1,s1,structure,f1", "m1,s1,structure,")) == [
        "recordings.csv, row 2, fov: found nothing; expected the field of view of this structure recording"
    ]


def test_times_against_phases(problems):
    assert problems(sessions=replace("m1,s1,24,24h", "m1,s1,-30,24h")) == [
        "sessions.csv, row 2, phase: found baseline at -24 h, later than 24h in row 3; "
        "expected the phases in the order of study.toml: baseline, 24h"
    ]
    assert problems(sessions=replace("m1,s1,24,24h", "m1,s1,-24,24h")) == [
        "sessions.csv, row 3, time_h: found -24, the time of row 2; expected one session of a subject at a time"
    ]


def test_sessions_out_of_order_are_sorted_and_only_warned_of(folder):
    study = read_study(folder(sessions=replace("m2,x,0,", "m2,x,-30,")))
    assert [s.session for s in study.sessions_of("m2")] == ["x", "s0"]


@pytest.mark.parametrize("word", ["nan", "NaN", "NA", "inf", "#DIV/0!"])
def test_cells_that_say_that_there_is_no_value(problems, word):
    assert problems(sessions=replace("m1,s1,24,", f"m1,s1,{word},")) == [
        f"sessions.csv, row 3, time_h: found {word!r}; expected a value, or an empty cell where there is none"
    ]


def test_a_missing_file_is_said_once(problems):
    assert problems(subjects=None) == ["subjects.csv: found no such file; expected a table"]
    assert problems(sessions=None) == ["sessions.csv: found no such file; expected a table"]
    assert problems(study=None) == ["study.toml: found no such file; expected the definition of the study"]


def test_a_missing_column_is_said_once(problems):
    assert problems(sessions=replace("time_h", "hours")) == [
        "sessions.csv, row 1, column 3: found unknown column 'hours'; expected one of: subject, session, time_h, phase",
        "sessions.csv, row 1: found no column time_h; expected the column time_h",
    ]
    assert problems(subjects=replace("treatment", "tretment")) == [
        "subjects.csv, row 1: found no column treatment; expected the column treatment"
    ]


@pytest.mark.parametrize("name", ["../m1", "m/1", ".m", "m" * 65, "m1:2", "_m"])
def test_names_that_no_file_could_bear(problems, name):
    found = problems(subjects=replace("m1", name), sessions=lambda t: t.replace("m1", name))
    assert all(f.startswith(("subjects.csv", "sessions.csv", "recordings.csv")) for f in found)
