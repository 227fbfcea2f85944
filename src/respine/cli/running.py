"""Commands that run a study and tell how far it has come."""

from __future__ import annotations

from typing import Annotated

import typer

from respine.cli.folder import Folder


def run(
    folder: Folder,
    workers: Annotated[
        int | None, typer.Option(help="Processes at work; by default as many as the cores and the memory allow.", min=1)
    ] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler to use instead.")] = None,
) -> None:
    """Run what has not been run; killed at any moment, it goes on from there."""
    from respine.study.progress import ProgressBar
    from respine.study.run import run_study

    with ProgressBar() as bar:
        outcome = run_study(folder, workers, scheduler, bar)
    for message in outcome.failures:
        typer.echo(f"respine: {message}", err=True)
    typer.echo(outcome.summary, err=bool(outcome.failures))
    if outcome.failures:
        raise typer.Exit(1)


def status(folder: Folder) -> None:
    """Show how many tasks of every stage are done, and who runs the study now."""
    from respine.study.run import open_job
    from respine.study.status import find_status

    found = find_status(open_job(folder))
    for stage in found.stages:
        typer.echo(f"{stage.stage:<12} {stage.done:>5} of {stage.total}")
    for message in found.failed:
        typer.echo(f"failed: {message}")
    typer.echo(f"running: {found.holder or 'no'}")
