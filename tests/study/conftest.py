"""The toy study, as a module that the workers of a cluster can be sent."""

import importlib.util
import sys
from pathlib import Path

import cloudpickle
import pytest


@pytest.fixture(scope="session")
def toy():
    path = Path(__file__).with_name("toy_study.py")
    spec = importlib.util.spec_from_file_location("toy_study", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["toy_study"] = module
    spec.loader.exec_module(module)
    cloudpickle.register_pickle_by_value(module)
    return module
