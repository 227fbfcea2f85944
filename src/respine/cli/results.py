"""Commands that show the results of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from respine.cli.folder import Folder


def table(
    folder: Folder,
    name: Annotated[str, typer.Argument(help="Which table: spines, turnover, registration ...", metavar="NAME")],
    csv: Annotated[Path | None, typer.Option(help="Write it to this file as CSV.", metavar="FILE")] = None,
) -> None:
    """Print a result table, or write it as CSV."""
    from respine.study.results import Results

    frame = Results(folder).read_table(name)
    if csv is None:
        typer.echo(frame.to_string(index=False))
        return
    frame.to_csv(csv, index=False)
    typer.echo(f"{csv}: {len(frame)} rows")


def report(folder: Folder) -> None:
    """Write the report anew from the results, and name the file to open."""
    from respine.study.run import report_study

    typer.echo(f"open {report_study(folder)}")
