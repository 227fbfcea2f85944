"""The logs of the light that deletes labelled spines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from respine.simulate.probe.write import write_probe
from respine.simulate.record_structure import fields_of_view
from respine.simulate.recording import Recording, Visit
from respine.simulate.recording_settings import RecordingSettings
from respine.simulate.streams import Streams
from respine.simulate.study import SimulatedStudy


def record_light(study: SimulatedStudy, folder: Path, how: RecordingSettings) -> Iterator[Recording]:
    """Write a log of photostimulation for every animal with probe and light.

    The targets are the labelled spines, with their places in the last session before the light.

    Yields
    ------
    Recording
        Of one field of view: table `light`.
    """
    labels = study.table("labels")
    lit = set(labels.loc[labels["labelled"] & labels["lit"], "subject"])
    time_h = {s.name: s.time_h for s in study.settings.sessions}
    light_h = study.settings.probe.light_h
    for subject, fov, sessions in fields_of_view(study, how, lit):
        before = [s for s in sessions if time_h[s.name] <= light_h]
        mine = labels[(labels["subject"] == subject) & (labels["fov"] == fov) & labels["labelled"] & labels["lit"]]
        places = before[-1].spines() if before else None
        if places is None or mine.empty:
            continue
        places = places.loc[places["present"] & places["inside"], ["spine", "z_um", "y_um", "x_um"]]
        targets = mine[["spine", "labelled"]].merge(places, on="spine")
        if targets.empty:
            continue
        rng = Streams(study.seed).of(f"light {subject} {fov}")
        visit = Visit(subject, before[-1].name, fov)
        yield write_probe(visit, targets, light_h, folder, how.light, rng)
