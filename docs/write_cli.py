"""Print docs/cli.md: every command with its own help. A test compares it with the file."""

from __future__ import annotations

import click
import typer.main

from respine.cli.main import app

WIDTH = 100
HEAD = """# The command line

Made by `make docs` from the help of the commands.
"""


def write_cli() -> str:
    """Return the page."""
    program = typer.main.get_command(app)
    parts = [HEAD, _help(program, "respine", None)]
    for name, command in program.commands.items():
        parts.append(f"## respine {name}\n\n{_help(command, name, click.Context(program, info_name='respine'))}")
    return "\n".join(parts)


def _help(command: click.Command, name: str, parent: click.Context | None) -> str:
    context = click.Context(command, info_name=name, parent=parent, max_content_width=WIDTH, terminal_width=WIDTH)
    return f"```text\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    print(write_cli(), end="")
