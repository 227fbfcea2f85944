"""The program `respine`: its commands, and what happens when one of them cannot do its work.

A command parses, calls one function of the package and prints. What is heavy to import is imported inside it, so
that `respine --help` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import click
import typer
from typer.core import TyperGroup

from respine import __version__
from respine.cli.folder import check, new
from respine.cli.results import report, table
from respine.cli.running import run, status
from respine.cli.simulate import simulate
from respine.core.errors import RespineError


class _Program(TyperGroup):
    """Prints an error as one message, without the course of the program."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (RespineError, OSError) as error:
            typer.echo(f"respine: {error}", err=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=_Program,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="From the raw recordings of a longitudinal circuit study to evidence at the level of the animal.",
)

# In the order in which a user needs them; a new theme has a file of its own beside this one.
for command in (new, check, run, status, table, report, simulate):
    app.command()(command)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"respine {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass
