import pytest

from respine.core.settings import StageSettings
from respine.study.definition import read_definition

GOOD = """
name = "A study"
phases = ["baseline", "24h"]
[factors]
treatment = ["vehicle", "ketamine"]
[settings.register]
search_um = 30.0
[[contrasts]]
name = "drug"
factor = "treatment"
level = "ketamine"
first_phase = "baseline"
last_phase = "24h"
"""


class RegisterSettings(StageSettings):
    search_um: float = 20.0
    margin_um: float = 1.0


STAGES = {"register": RegisterSettings, "trace": StageSettings}


@pytest.fixture
def problems(tmp_path):
    def read(content, stages=None):
        path = tmp_path / "study.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [str(problem) for problem in read_definition(path, stages)[1]]

    return read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_good_definition(tmp_path, encoding):
    path = tmp_path / "study.toml"
    path.write_text(GOOD, encoding=encoding)
    definition, problems = read_definition(path, STAGES)
    assert problems == []
    assert definition.factors == {"treatment": ("vehicle", "ketamine")}
    assert definition.settings == {"register": {"search_um": 30.0}}
    assert definition.contrasts[0].reference is None
    assert (definition.seed, definition.description) == (0, "")


def test_everything_unknown_is_named(problems):
    content = GOOD.replace("phases", "phasse = 1\nphases").replace("last_phase", "las_phase")
    assert problems(content) == [
        "study.toml, contrasts.1.las_phase: found an unknown key; expected no such key",
        "study.toml, phasse: found an unknown key; expected 'phases' "
        "(known: name, description, seed, phases, factors, settings, contrasts)",
    ]


def test_values_that_are_none(problems):
    assert problems('seed = -1\nphases = ["a/b"]\nname = ""') == [
        "study.toml, name: found ''; expected String should have at least 1 character",
        "study.toml, seed: found -1; expected greater than or equal to 0",
        "study.toml, phases.1: found 'a/b'; expected letters, digits, and _ - + . or space between them, at most 64",
    ]
    assert problems("phases = []") == ["study.toml, name: found nothing; expected a value"]


def test_levels_and_phases_that_do_not_exist(problems):
    content = GOOD.replace('level = "ketamine"', 'level = "ketamin"').replace('last_phase = "24h"', 'last_phase = "24"')
    assert problems(content) == [
        "study.toml, contrasts.1.level: found unknown level 'ketamin'; expected 'ketamine' (known: vehicle, ketamine)",
        "study.toml, contrasts.1.last_phase: found unknown phase '24'; expected '24h' (known: baseline, 24h)",
    ]
    content = GOOD.replace('factor = "treatment"', 'factor = "drug"')
    assert problems(content) == [
        "study.toml, contrasts.1.factor: found unknown factor 'drug'; expected one of: treatment"
    ]
    content = GOOD.replace('level = "ketamine"', 'level = "vehicle"')
    assert problems(content) == [
        "study.toml, contrasts.1.level: found 'vehicle' against itself; expected another level"
    ]


def test_what_stands_twice(problems):
    content = GOOD.replace('["baseline", "24h"]', '["baseline", "24h", "24h"]')
    content = content.replace('["vehicle", "ketamine"]', '["ketamine", "ketamine"]\nsex = ["f"]')
    content = content.replace('level = "ketamine"', 'level = "ketamine"\nreference = "saline"')
    content += content[content.index("[[contrasts]]") :]
    assert problems(content) == [
        "study.toml, phases: found '24h' twice; expected each phase once",
        "study.toml, factors.treatment: found 'ketamine' twice; expected each level once",
        "study.toml, factors.sex: found 1 level(s); expected at least 2, the reference first",
        "study.toml, contrasts.1.name: found 'drug' twice; expected each name once",
        "study.toml, contrasts.1.reference: found unknown level 'saline'; expected one of: ketamine, ketamine",
        "study.toml, contrasts.2.name: found 'drug' twice; expected each name once",
        "study.toml, contrasts.2.reference: found unknown level 'saline'; expected one of: ketamine, ketamine",
    ]


def test_settings_are_held_against_the_stages_where_they_are_known(problems):
    content = GOOD + "[settings.registr]\n[settings.trace]\nx = 1\n"
    content = content.replace("search_um = 30.0", 'search_um = "far"\nmargin = 1')
    assert problems(content) == []
    assert problems(content, STAGES) == [
        "study.toml, settings.register.search_um: found 'far'; "
        "expected a valid number, unable to parse string as a number",
        "study.toml, settings.register.margin: found an unknown key; "
        "expected 'margin_um' (known: search_um, margin_um)",
        "study.toml, settings.registr: found unknown stage; expected 'register' (known: register, trace)",
        "study.toml, settings.trace.x: found an unknown key; expected no such key",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name = ", "study.toml: found broken TOML (Invalid value (at end of document)); expected valid TOML"),
        (b"name = '\xe4'", "study.toml: found bytes that are no UTF-8; expected UTF-8 text"),
        (
            "settings = 1\nname = 'x'",
            "study.toml, settings: found 1; expected a valid dictionary",
        ),
    ],
)
def test_what_is_no_definition(problems, content, message):
    assert problems(content) == [message]


def test_no_file(tmp_path):
    assert [str(p) for p in read_definition(tmp_path / "study.toml")[1]] == [
        "study.toml: found no such file; expected the definition of the study"
    ]
