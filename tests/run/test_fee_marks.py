"""Fees by volume: the report says at which marks they were computed, as the venue computed them."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from small_runs import market, settings
from small_strategies import Churn
from tickerml.run.backtest import backtest
from tickerml.run.fee_marks import fee_marks
from tickerml.run.setup import Setting
from tickerml.tape.block import Block
from tickerml.tape.orders import OrderType
from tickerml.tape.rows import DAY, Kind, empty
from tickerml.tape.tables import ORDER

TIERED = {"fees": {"model": "tiered"}}


def fills(*told):
    """(day, price in ticks, lots, type) of the first instrument as one block."""
    rows, orders = empty(len(told)), np.zeros(len(told), ORDER)
    rows["kind"], rows["ref"] = Kind.FILL, np.arange(len(told))
    for k, (day, price, lots, kind) in enumerate(told):
        rows[k]["price"], rows[k]["qty"], orders[k]["at"], orders[k]["type"] = price, lots, day * DAY + 5, kind
    return Block(rows, orders=orders)


def marks(*told, config=TIERED):
    tape = market(minutes=1)
    setting = Setting(settings(**config), Decimal(10_000))
    return fee_marks(setting, tape.header, [fills(*told)])


def test_a_mark_counts_from_the_day_after_its_volume_was_reached():
    """One lot of 0.001 at 1,000,000 ticks of 0.1 is worth 100: 150,000 lots are 15 millions."""
    limit = int(OrderType.LIMIT)
    price, lots = 1_000_000, 150_000
    assert marks((0, price, lots, limit), (0, price, 1, limit)) == (
        "fees by the volume of the 30 days before: from 0 on (maker 0.02 %, taker 0.05 %) for 2 executions"
    )
    assert marks((0, price, lots, limit), (1, price, 1, limit), (30, price, 1, limit), (31, price, 1, limit)).endswith(
        "from 0 on (maker 0.02 %, taker 0.05 %) for 2 executions, "
        "from 15,000,000 on (maker 0.016 %, taker 0.04 %) for 2 executions"
    )
    just_below = marks((0, price, lots - 1, limit), (1, price, 1, limit))
    assert "15,000,000" not in just_below
    assert marks((0, price, lots, int(OrderType.SUPERP)), (1, price, 1, limit)).endswith("for 1 execution")


def test_nothing_is_said_where_fees_do_not_go_by_volume_or_nothing_was_executed():
    assert marks((0, 1_000_000, 5, int(OrderType.LIMIT)), config={}) == ""
    assert marks() == ""


def test_the_report_says_it(tmp_path):
    run = backtest(Churn(), market("busy", minutes=3), config=settings(**TIERED), run_dir=tmp_path / "run")
    count = sum(b.rows["kind"].tolist().count(int(Kind.FILL)) for b in run.tape.blocks())
    assert count > 5
    said = f"from 0 on (maker 0.02 %, taker 0.05 %) for {count} executions"
    assert any(said in note for note in run.story.head.notes)
    assert said in run.report().read_text(encoding="utf-8")
    again = backtest(Churn(), market("busy", minutes=3), config=settings(**TIERED), run_dir=tmp_path / "run")
    assert sum(said in note for note in again.manifest["notes"]) == 1  # made again, it is said once
