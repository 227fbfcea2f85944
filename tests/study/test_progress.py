"""The bar is there on a terminal, and nowhere else."""

import io

import pytest
from rich.console import Console

from respine.study.job import run_job
from respine.study.progress import ProgressBar


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_only_on_a_terminal(tmp_path, toy, terminal):
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=120)
    with ProgressBar(console) as bar:
        run_job(toy.make_job(tmp_path), workers=1, watch=bar)
    if terminal:
        assert "stage compare" in text.getvalue()
        assert "100 %" in text.getvalue()
    else:
        assert text.getvalue() == ""
