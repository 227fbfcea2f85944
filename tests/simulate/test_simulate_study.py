import pickle
import re

import numpy as np
import pandas as pd
import pytest

from respine.core.errors import InputError, SettingsError
from respine.simulate.settings import StudySettings
from respine.simulate.settings_structure import SPINE_CLASSES
from respine.simulate.study import simulate_study
from respine.simulate.truth import TRUTH_TABLES


@pytest.fixture(scope="module")
def some():
    return simulate_study(StudySettings(subjects_per_arm=2), 5)


def frames(study):
    return {name: study.table(name) for name in TRUTH_TABLES}


def test_same_seed_same_bytes(some):
    again = simulate_study(StudySettings(subjects_per_arm=2), 5)
    for part in ("present", "seen", "log_diameter", "log_brightness", "dropout_h", "spine_class"):
        assert getattr(again, part).tobytes() == getattr(some, part).tobytes(), part
    for name, frame in frames(some).items():
        assert pickle.dumps(frame.to_csv()) == pickle.dumps(again.table(name).to_csv()), name


def test_another_seed_gives_another_study(some):
    other = simulate_study(StudySettings(subjects_per_arm=2), 6)
    assert not np.array_equal(other.coordination.value, some.coordination.value)
    assert not other.table("spines").equals(some.table("spines"))


def test_a_negative_seed_is_refused():
    with pytest.raises(SettingsError, match=r"^seed: found -1, expected 0 or more$"):
        simulate_study(StudySettings(), -1)


def test_changing_one_part_leaves_the_chance_of_the_others(some):
    """Detection can be made worse without changing which spines there are."""
    changed = StudySettings(subjects_per_arm=2).changed(detection={"hit_mean": 0.7})
    other = simulate_study(changed, 5)
    assert np.array_equal(other.present, some.present)
    assert np.array_equal(other.scores["entries"], some.scores["entries"], equal_nan=True)
    assert not (other.seen & ~some.seen).any()


def test_unknown_tables_are_refused(some):
    expected = f"truth: found no table 'spine', expected one of {', '.join(TRUTH_TABLES)}"
    with pytest.raises(InputError, match=f"^{re.escape(expected)}$"):
        some.table("spine")


def test_tables_are_made_once(some):
    assert some.table("cells") is some.table("cells")


def test_keys_are_unique(some):
    keys = {
        "subjects": ["subject"],
        "sessions": ["subject", "session"],
        "dendrites": ["subject", "fov", "dendrite"],
        "spines": ["subject", "fov", "spine"],
        "states": ["subject", "fov", "spine", "session"],
        "cells": ["subject", "cell"],
        "activity": ["subject", "session", "ensemble"],
        "coordination": ["subject", "session"],
        "behaviour": ["subject", "session", "measure"],
    }
    for name, columns in keys.items():
        assert not some.table(name).duplicated(columns).any(), name


def test_spines_table_is_the_arrays(some):
    table = some.table("spines")
    assert len(table) == len(some.spines.subject)
    assert table["birth_h"].sum() == pytest.approx(some.spines.birth_h.sum())
    assert (table["birth_h"] < table["death_h"]).all()
    assert table["position_um"].between(0, 60).all()
    assert set(table["spine_class"]) == set(SPINE_CLASSES)
    order = table.groupby(["subject", "fov", "dendrite"], sort=False)["position_um"]
    assert order.apply(lambda x: x.is_monotonic_increasing).all()
    restored = table.dropna(subset="restores")
    lost = table.set_index(["subject", "fov", "spine"])
    for row in restored.itertuples():
        old = lost.loc[(row.subject, row.fov, row.restores)]
        assert old["death_h"] <= row.birth_h
        assert abs(old["position_um"] - row.position_um) < 2.0
        assert old["dendrite"] == row.dendrite


def test_states_table_agrees_with_births_and_deaths(some):
    table = some.table("states").merge(some.table("spines"), on=["subject", "fov", "dendrite", "spine"])
    time_h = table["session"].map({s.name: s.time_h for s in some.settings.sessions})
    stands = (table["birth_h"] <= time_h) & (time_h < table["death_h"])
    assert (stands == table["present"]).all()
    assert table["head_diameter_um"].notna().equals(table["present"])
    assert table["protrusion_um_x"].notna().equals(table["present"])
    assert not (table["seen"] & ~table["present"]).any()


def test_calls_are_hits_and_false_calls(some):
    calls = some.table("calls")
    assert len(calls) == some.seen.sum() + len(some.false_calls.dendrite)
    assert calls["spine"].isna().sum() == len(some.false_calls.dendrite)
    hits = calls.dropna(subset="spine")
    assert not hits.duplicated(["subject", "fov", "spine", "session"]).any()


def test_dendrites_leave_from_one_another_in_pairs(some):
    table = some.table("dendrites")
    pairs = dict(zip(table["dendrite"], table["parent"], strict=True))
    assert {k: v for k, v in pairs.items() if pd.notna(v)} == {"d2": "d1", "d4": "d3", "d6": "d5"}


def test_cells_table_names_the_ensembles(some):
    table = some.table("cells")
    member = some.cells.member
    first = table.iloc[0]["ensembles"].split()
    assert first == [f"e{e + 1}" for e in np.flatnonzero(member[0, :, 0])]
    assert table["ensembles"].str.split().map(len).sum() == member.sum()


def test_behaviour_table_has_assay_and_unit(some):
    table = some.table("behaviour")
    found = table.groupby("measure")[["assay", "unit"]].agg(lambda x: "|".join(sorted(set(x))))
    assert found.loc["immobility_s"].to_list() == ["tail_suspension", "s"]
    assert found.loc["sucrose_percent"].to_list() == ["sucrose_preference", "%"]
    assert found.loc["entries"].to_list() == ["y_maze", "1"]


def test_sessions_without_stacks_or_calcium_are_planned(some):
    table = some.table("sessions").drop_duplicates("session").set_index("session")
    assert table["structure"].all()
    assert table.loc[["6h", "12h"], "calcium"].tolist() == [False, False]
    activity = some.table("activity")
    assert set(activity["session"]).isdisjoint({"6h", "12h", "baseline1"})
