"""H5: every promise of the sources stands in docs/claims.md, beside a measured figure, or why there is none."""

import json
import re
from pathlib import Path

import pytest
from tools import claims, measure, strategies
from tools.claims import CLAIMS, SYSTEMS, Claim

REPOSITORY = Path(__file__).resolve().parent.parent
MEASURED = json.loads(measure.MEASURED.read_text(encoding="utf-8"))
RUN = {"trades": 50, "win_rate": 0.4, "win_rate_95": [0.3, 0.5], "per_pair": {"X/Y": {"trades": 5, "win_rate": 0.6}}}


def test_every_system_promises_something_and_every_claim_is_of_one():
    assert {one.system for one in CLAIMS} == set(SYSTEMS)


def test_every_claim_names_a_run_that_can_be_made_or_says_why_not():
    for one in CLAIMS:
        assert one.run in measure.RUNS or (not one.run and one.note), one
    named = {name for names in (*strategies.RESULTS.values(), strategies.TOGETHER) for name in names}
    assert named <= set(measure.RUNS)


def test_every_figure_was_measured_by_that_name():
    for one in CLAIMS:
        if one.run:
            run = MEASURED[one.run]
            assert one.figure in run, one
            assert one.pair in ("", *run["per_pair"]), one
            assert one.tier in ("", "A", "B"), one  # of a tier without a trade the page says so
            assert one.low is not None or one.high is not None, one


def test_a_promise_of_one_tier_is_judged_by_its_trades_alone():
    tiers = {"A": {"trades": 4, "win_rate": 1.0}, "B": {"trades": 40, "win_rate": 0.5}}
    rows = [claims._row(Claim("4", "x", "some", "win_rate", 0.6, None, tier=t), {"some": {**RUN, "per_tier": tiers}})
            for t in ("A", "B", "C")]  # fmt: skip
    assert "100.0 % of 4 | too few trades to say (4)" in rows[0]
    assert "50.0 % of 40 | does not hold" in rows[1]
    assert "not measured" in rows[2]


def test_measured_runs_are_those_of_the_table_with_the_same_command():
    for name, run in MEASURED.items():
        assert run["command"] == measure.RUNS[name].command
        assert not re.search(r"(?<!\$TICKERML_DATA)/(home|tmp|work|root)\b", run["command"])


@pytest.mark.parametrize(
    ("low", "pair", "verdict"), [(0.5, "", "does not hold"), (0.35, "", "holds"), (0.5, "X/Y", "too few trades")]
)
def test_a_promise_holds_when_the_figure_reaches_it(low, pair, verdict):
    one = Claim("0", "wins", "some", "win_rate", low, None, pair=pair)
    row = claims._row(one, {"some": RUN})
    assert verdict in row
    assert row.count("|") == 5


def test_what_was_not_run_is_not_measured_and_says_so():
    assert "not measured" in claims._row(Claim("0", "x", "none", "win_rate", 0.1, None), {})
    assert "not run yet" in claims._row(Claim("0", "x", "none", "win_rate", 0.1, None), {})
    assert "did not trade" in claims._row(
        Claim("0", "x", "some", "win_rate", 0.1, None), {"some": {**RUN, "trades": 0, "win_rate": None}}
    )


def test_the_page_of_strategies_has_each_with_rules_defaults_and_results():
    text = (REPOSITORY / "docs" / "strategies.md").read_text(encoding="utf-8")
    for name in strategies.STRATEGIES:
        part = text.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert all(f"### {title}" in part for title in ("Defaults", "Results"))
        assert f"`{strategies.RESULTS[name][0]}`" in part
    assert "`dca.drop` | `0.05`" in text
