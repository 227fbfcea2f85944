"""The command that makes a study with known truth."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from respine.cli.folder import Folder


def simulate(
    folder: Folder,
    scenario: Annotated[str, typer.Option(help="Name of a scenario, or a TOML file of settings.")] = "textbook",
    subjects: Annotated[int | None, typer.Option(help="Animals in each arm.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same study.", min=0)] = 1,
    only: Annotated[list[str] | None, typer.Option(help="What to record; may be given again. All by default.")] = None,
    size: Annotated[Literal["small", "full"], typer.Option(help="Small: fewer, shorter recordings.")] = "small",
) -> None:
    """Write a study whose truth is known; the truth lies in its folder truth/, which `respine run` never reads."""
    from rich.console import Console
    from rich.progress import Progress

    from respine.simulate.scenarios import scenario_settings
    from respine.simulate.study import simulate_study
    from respine.simulate.write import count_recordings, write_study

    study = simulate_study(scenario_settings(scenario, subjects, size), seed)
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=count_recordings(study, only))
        write_study(study, folder, size, only, lambda name, _: bar.update(task, advance=1, description=name))
    typer.echo(f"{folder}: {study.settings.n_subjects} animals, scenario {scenario}, seed {seed}")
