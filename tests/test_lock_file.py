"""requirements.lock installs what pyproject.toml asks for, from any index."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# A package can be there twice, for older and newer Pythons.
LOCKED = re.findall(r"^([a-z0-9.-]+)==(\S+)", LOCK, re.MULTILINE)


def asked_for(extras):
    """What the package, its extras (and theirs) and its build need."""
    project = PROJECT["project"]
    found, todo = [], [*project["dependencies"], *PROJECT["build-system"]["requires"]]
    for extra in extras:
        todo += project["optional-dependencies"][extra]
    while todo:
        requirement = Requirement(todo.pop())
        if canonicalize_name(requirement.name) == project["name"]:
            for extra in requirement.extras:
                todo += project["optional-dependencies"][extra]
        else:
            found.append(requirement)
    return found


@pytest.mark.parametrize("requirement", asked_for(["all", "test"]), ids=str)
def test_the_lock_has_it(requirement):
    versions = [version for name, version in LOCKED if name == canonicalize_name(requirement.name)]
    assert versions, f"{requirement} is not in requirements.lock: run `make lock`"
    for version in versions:
        assert requirement.specifier.contains(version, prereleases=True)


def test_the_lock_names_no_address_and_a_hash_for_every_package():
    assert "://" not in LOCK
    assert "@ " not in LOCK
    blocks = re.split(r"^(?=[a-z0-9.-]+==)", LOCK, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(LOCKED)
    assert all("--hash=sha256:" in block for block in blocks)
