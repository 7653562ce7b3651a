"""What all tests share: where the real market data lies, and how many examples a random test tries."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.pop("COLUMNS", None)  # text would be folded to the width of whoever runs the tests

REPOSITORY = Path(__file__).resolve().parent.parent

# A test run gives the same answer twice; `make soak` looks for new seeds.
settings.register_profile("quick", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "soak", max_examples=2000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
SOAK = bool(os.environ.get("TICKERML_SOAK"))
settings.load_profile("soak" if SOAK else "quick")
MORE = 20  # times the examples that a test names itself
LONGEST = ("test_mutants.py", "test_money.py")  # of several processes none is left alone with one of them at the end


def data_folder() -> Path | None:
    """The real market data: TICKERML_DATA, else ../shared/data; None where neither is there."""
    named = os.environ.get("TICKERML_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    return folder if folder.is_dir() else None


@pytest.fixture
def cases() -> Callable[[int], range]:
    """Which cases a test of many goes through: from 0 to its own number, or those that tools/soak.py asks for.

    TICKERML_CASES=FIRST:MANY; no two are alike, so that a night goes on where it was broken off.
    """
    first, _, many = os.environ.get("TICKERML_CASES", "").partition(":")
    return lambda usual: range(int(first), int(first) + int(many)) if many else range(usual)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real market data. A test that uses it carries `@pytest.mark.real`."""
    folder = data_folder()
    if folder is None:
        pytest.skip("no real market data: set TICKERML_DATA to its folder")
    return folder


def more_examples(items: list[pytest.Item], many: Callable[[int], int]) -> None:
    """Each random test among `items` tries `many(its own number)` examples.

    A number that a test names itself is stronger than any profile, and hypothesis has no other door to it.
    """
    tests = {id(test): test for test in (getattr(item, "obj", None) for item in items)}.values()
    for test in tests:
        own = getattr(test, "_hypothesis_internal_use_settings", None)
        if own is not None:
            test._hypothesis_internal_use_settings = settings(own, max_examples=many(own.max_examples))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    asked = int(os.environ.get("TICKERML_EXAMPLES", "0"))
    if asked:
        more_examples(items, lambda _: asked)
    elif SOAK:
        more_examples(items, lambda own: own if own == settings.get_profile("soak").max_examples else MORE * own)
    items.sort(key=lambda item: item.path.name not in LONGEST)
    if data_folder() is None:
        reason = pytest.mark.skip(reason="no real market data: set TICKERML_DATA to its folder")
        for item in items:
            if item.get_closest_marker("real"):
                item.add_marker(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """With TICKERML_REQUIRE_REAL a real-data test that is skipped fails: the data is there, so it must have run."""
    report = yield
    required = os.environ.get("TICKERML_REQUIRE_REAL") and item.get_closest_marker("real")
    if required and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"a real-data test was skipped although the data is required: {report.longrepr}"
    return report
