"""What stands before any figure: the caveats of a run."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from stories import short_run

from tickerml.views.front import caveats


def test_dust_that_fees_left_is_told_by_coin():
    run = short_run(7)
    assert not any("dust" in said for said in caveats(run))
    told = {"BTC": Decimal("0.0003"), "ETH": Decimal("0.10")}
    trades = [
        replace(trade, coin=f"{coin}/USDT", dust=amount)
        for trade, (coin, amount) in zip(run.trades, [*told.items(), ("BTC", Decimal("0.0004"))], strict=False)
    ]
    rest = list(run.trades[len(trades) :])
    (said,) = (one for one in caveats(replace(run, trades=tuple(trades + rest))) if "dust" in one)
    assert said.startswith("Fees in coins left dust: 0.0007 BTC, 0.1 ETH; less than a lot a trade")


def test_what_insurance_bore_is_told_with_how_many_losses():
    run = short_run(7)
    assert not any("insurance" in said for said in caveats(run))
    trade = run.trades[0]
    some = [replace(trade, insured=Decimal(borne)) for borne in ("12.25", "0", "3")]
    (said,) = (one for one in caveats(replace(run, trades=tuple(some))) if "insurance" in one)
    assert said == "The venue's insurance bore 15.25 USDT of 2 losses beyond the margin."
