from __future__ import annotations

import os
import sys

# Several processes share the machine: more threads than one each only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# No test may find a verdict of an earlier run, nor leave one.
os.environ["FEDMECH_CACHE"] = ""

import campaign
import pytest
from hypothesis import HealthCheck, settings

# What is compiled is kept: programs that tests start, and later runs, need not compile package and tests again.
sys.dont_write_bytecode = False

# The same examples in every run: a test that turns red says something of the change. Others are drawn by ``--hypothesis-profile=explore``.
# A deadline would measure how busy the machine is, and so does the check for what is drawn slowly; many of our markets are large.
settings.register_profile(
    "fedmech",
    derandomize=True,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.large_base_example,
        HealthCheck.data_too_large,
        # What a fixture exchanges is meant for all examples of a test.
        HealthCheck.function_scoped_fixture,
    ],
)
settings.register_profile("explore", settings.get_profile("fedmech"), derandomize=False)
settings.load_profile("fedmech")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run everything, long campaigns too")


def pytest_configure(config: pytest.Config) -> None:
    # Which tests run, a marker expression says: that of pyproject.toml, or the one that is given.
    if config.getoption("--slow"):
        config.option.markexpr, campaign.whole = "", True


@pytest.fixture
def nothing_stays_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget, at the end of a test, the mechanisms that it registered."""
    from fedmech.fl import registry

    registry.mechanisms()
    monkeypatch.setattr(registry, "_MECHANISMS", dict(registry._MECHANISMS))
