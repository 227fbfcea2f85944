"""The command and the library make the same study."""

import ast
import inspect

import pandas as pd
import typer
from typer.testing import CliRunner

from respine.cli import simulate as module
from respine.simulate.scenarios import scenario_settings
from respine.simulate.study import simulate_study
from respine.simulate.write import write_study

app = typer.Typer()
app.command()(module.simulate)


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def files(folder):
    return {p.relative_to(folder) for p in folder.rglob("*") if p.is_file()}


def test_command_and_library_write_the_same(tmp_path):
    custom = tmp_path / "mine.toml"
    custom.write_text(
        "[anatomy]\ndendrites_per_fov = 1\n"
        '[[sessions]]\nname = "a"\ntime_h = -510\n[[sessions]]\nname = "b"\ntime_h = -2\n'
    )
    options = ["--scenario", custom, "--subjects", "1", "--seed", "3", "--size", "small", "--only", "calcium"]
    result = run(tmp_path / "by-command", *options)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / 'by-command'}: 4 animals, scenario {custom}, seed 3\n"
    study = simulate_study(scenario_settings(str(custom), 1, "small"), 3)
    write_study(study, tmp_path / "by-library", "small", ["calcium"])
    names = files(tmp_path / "by-library")
    assert names == files(tmp_path / "by-command")
    for name in names:
        assert (tmp_path / "by-library" / name).read_bytes() == (tmp_path / "by-command" / name).read_bytes()
    assert len(pd.read_csv(tmp_path / "by-command" / "subjects.csv")) == 4


def test_what_is_impossible_is_refused(tmp_path):
    assert "found 'none'" in str(run(tmp_path / "s", "--scenario", "none").exception)
    assert run(tmp_path / "s", "--size", "huge").exit_code == 2
    assert run(tmp_path / "s", "--seed", "-1").exit_code == 2
    assert not (tmp_path / "s").exists()


def test_the_command_is_short():
    body = ast.parse(inspect.getsource(module.simulate)).body[0].body[1:]
    assert body[-1].end_lineno - body[0].lineno + 1 <= 15
