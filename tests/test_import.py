"""Importing respine is light: it loads nothing heavy, writes nothing and opens no connection."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = (
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "numba",
    "skimage",
    "SimpleITK",
    "dask",
    "distributed",
    "matplotlib",
    "zarr",
)

WATCH = """
import json, sys
seen = []
def hook(event, args):
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        seen.append(f"writes {args[0]}")
    elif event.startswith(("socket.", "subprocess.", "os.mkdir", "os.rename", "os.remove", "urllib.")):
        seen.append(event)
sys.addaudithook(hook)
import MODULE
print(json.dumps([seen, sorted({name.split(".")[0] for name in sys.modules})]))
"""


def imported(module, folder):
    # Without the folders of compiled code, which Python itself may write beside the sources.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", WATCH.replace("MODULE", module)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("module", ["respine", "respine.cli.main", "respine.core.errors", "respine.study"])
def test_importing_is_light(tmp_path, module):
    done, modules = imported(module, tmp_path)
    assert done == []
    assert set(HEAVY) & set(modules) == set()
    assert list(tmp_path.iterdir()) == []


def test_importing_what_runs_a_study_opens_no_connection(tmp_path):
    done, modules = imported("respine.study.run", tmp_path)
    assert "numpy" in modules
    assert [event for event in done if event.startswith("socket.")] == []


@pytest.mark.parametrize("module", ["socket; socket.create_connection", "tempfile; tempfile.mkdtemp"])
def test_what_is_not_light_is_seen(tmp_path, module):
    code = {"socket": "socket, socket as s; s.socket().close()", "tempfile": "tempfile; tempfile.mkdtemp(dir='.')"}
    done, _ = imported(code[module.split(";")[0]], tmp_path)
    assert done
