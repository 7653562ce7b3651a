"""The rule strategies on real data: paper decides what a backtest decides, and both replay."""

from __future__ import annotations

import pytest

import tickerml as tml
from tickerml.run.replay import replay, row_by_row

pytestmark = [pytest.mark.real, pytest.mark.slow]

ALL_COINS = {"ml_microstructure": {"trading_coins": []}}
RUNS = {  # source, its span, strategies, settings
    "rules on spot": ("candles/binance_spot_5m_2024", "20240301-20240322", ("dca", "swing", "channel"), {}),
    "rules on perps": ("candles/binance_perp_5m", "20250801-20250815", ("dca", "swing", "channel"), {}),
    "five-signal on a book": ("l2/binance_spot_nexousdt", None, ("five_signal",), {"five_signal": {"turbo": True}}),
    "psc on minutes": ("candles/binance_perp_1m_202601", "20260105-20260106", ("psc",), ALL_COINS),
}


@pytest.mark.parametrize("name", list(RUNS))
def test_paper_decides_what_the_backtest_decides(name, real_data, tmp_path):
    """Done when of the desk: paper on the same tape makes the same decisions."""
    folder, span, strategies, changed = RUNS[name]

    def made(mode, mine):
        source = tml.read(real_data / folder, timerange=span)
        return mode(list(strategies), source, config=changed, run_dir=tmp_path / mine)

    tested, traded = made(tml.backtest, "backtest"), made(tml.paper, "paper")
    assert tested.manifest["counts"]["settled"] > 0
    assert traded.manifest["decision_hash"] == tested.manifest["decision_hash"]
    assert traded.manifest["state_hash"] == tested.manifest["state_hash"]
    assert row_by_row(tested, traded).identical
    for run in (tested, traded):
        answer = replay(run.path)
        assert answer.identical, answer.lines()
