"""Which tasks a study makes, and which needs which."""

import pytest

from respine.core.errors import InputError
from respine.study.graph import Source, Stage, Task, plan_tasks


def nothing(inputs):
    return None


SOURCES = tuple(
    Source(kind, subject, fov, session, f"{subject}{fov}{session}.{kind}")
    for kind, subject, fov, session in [
        ("structure", "m2", "a", "s0"),
        ("structure", "m2", "a", "s1"),
        ("structure", "m2", "b", "s1"),
        ("dendrites", "m2", "b", "s1"),
        ("structure", "m1", "a", "s0"),
        ("calcium", "m3", "a", "s0"),
    ]
)
STAGES = (
    Stage("see", 1, "session", nothing, reads=("structure",)),
    Stage("pool", 1, "fov", nothing, needs=("see",), reads=("structure", "dendrites")),
    Stage("look", 1, "session", nothing, needs=("see", "pool")),
    Stage("sum", 1, "subject", nothing, needs=("look",)),
    Stage("end", 1, "study", nothing, needs=("sum", "pool")),
)


@pytest.fixture
def graph():
    return plan_tasks(STAGES, SOURCES)


def test_a_stage_has_a_task_for_each_of_what_it_is_per(graph):
    names = [str(task) for task in graph.tasks]
    assert names == [
        "stage see, subject m2, fov a, session s0",
        "stage see, subject m2, fov a, session s1",
        "stage see, subject m2, fov b, session s1",
        "stage see, subject m1, fov a, session s0",
        "stage pool, subject m2, fov a",
        "stage pool, subject m2, fov b",
        "stage pool, subject m1, fov a",
        "stage look, subject m2, fov a, session s0",
        "stage look, subject m2, fov a, session s1",
        "stage look, subject m2, fov b, session s1",
        "stage look, subject m1, fov a, session s0",
        "stage sum, subject m2",
        "stage sum, subject m1",
        "stage end",
    ]


@pytest.mark.parametrize(
    ("task", "stage", "expected"),
    [
        (Task("pool", "m2", "a"), "see", [("m2", "a", "s0"), ("m2", "a", "s1")]),
        # A session takes its own part of what is per session, and the whole of what is per field of view.
        (Task("look", "m2", "a", "s1"), "see", [("m2", "a", "s1")]),
        (Task("look", "m2", "b", "s1"), "pool", [("m2", "b", None)]),
        (Task("sum", "m2"), "look", [("m2", "a", "s0"), ("m2", "a", "s1"), ("m2", "b", "s1")]),
        (Task("end"), "sum", [("m2", None, None), ("m1", None, None)]),
    ],
)
def test_a_task_needs_what_lies_within_it_or_around_it(graph, task, stage, expected):
    assert [(t.subject, t.fov, t.session) for t in graph.needs[task][stage]] == expected


def test_a_task_reads_its_own_recordings_of_the_kinds_it_names(graph):
    assert [s.path for s in graph.sources[Task("pool", "m2", "b")]] == ["m2bs1.structure", "m2bs1.dendrites"]
    assert [s.path for s in graph.sources[Task("see", "m2", "a", "s1")]] == ["m2as1.structure"]
    assert graph.sources[Task("sum", "m2")] == ()


def test_every_task_comes_after_those_it_needs(graph):
    place = {task: number for number, task in enumerate(graph.tasks)}
    for task, groups in graph.needs.items():
        assert all(place[need] < place[task] for group in groups.values() for need in group)


def test_a_study_without_such_recordings_has_no_tasks():
    assert plan_tasks(STAGES, SOURCES[-1:]).tasks == (Task("end"),)[:0]


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        (
            (Stage("sum", 1, "fov", nothing, needs=("see",)),),
            "stage sum: its name must be new, its level one of study, subject, fov, session (found fov) and what it "
            "needs come before it (missing: see)",
        ),
        (
            (STAGES[0], STAGES[0]),
            "stage see: its name must be new, its level one of study, subject, fov, session (found session) and what "
            "it needs come before it (missing: none)",
        ),
        (
            (Stage("see", 1, "cell", nothing),),
            "stage see: its name must be new, its level one of study, subject, fov, session (found cell) and what it "
            "needs come before it (missing: none)",
        ),
    ],
)
def test_a_list_that_cannot_run_is_refused(stages, message):
    with pytest.raises(InputError) as caught:
        plan_tasks(stages, SOURCES)
    assert str(caught.value) == message
