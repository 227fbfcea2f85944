"""Commands for the folder of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Argument(help="The folder of the study.", metavar="DIR")]


def new(folder: Folder) -> None:
    """Write a commented template of a study into a new or empty folder."""
    from respine.study.template import write_template

    write_template(folder)
    typer.echo(f"{folder}: a template to edit; then: respine check {folder}")


def check(
    folder: Folder,
    pixels: Annotated[bool, typer.Option(help="Decode every stack once, to find damage inside.")] = True,
) -> None:
    """Find every problem of a study: file, row, what was found and what was expected."""
    from respine.study.check import check_study
    from respine.study.stages import SETTINGS

    problems = check_study(folder, SETTINGS, pixels=pixels)
    for problem in problems:
        typer.echo(str(problem))
    errors = sum(problem.level == "error" for problem in problems)
    typer.echo(f"{folder}: {errors} errors, {len(problems) - errors} warnings", err=bool(errors))
    if errors:
        raise typer.Exit(1)
