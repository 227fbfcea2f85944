"""`python -m respine.cli` is `respine`."""

from respine.cli.main import app

if __name__ == "__main__":
    app(prog_name="respine")
