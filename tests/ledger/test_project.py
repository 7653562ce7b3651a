"""G3: what the tables say is what the rows say, however the rows are cut and however often they are projected."""

import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from small_ledgers import CASES, hashes, pieces, random_cuts, recorded

from small_runs import balances
from tickerml.ledger.facts import facts_of
from tickerml.ledger.gather import gathered
from tickerml.ledger.link import link, wipe
from tickerml.ledger.project import Projector
from tickerml.ledger.read import plain, reading
from tickerml.ledger.schema import TABLES
from tickerml.ledger.write import project
from tickerml.tape.block import concat
from tickerml.tape.rows import MINUTE, Kind
from tickerml.tape.tape import content_hash


def rows_of(place, name):
    with reading(place) as connection:
        found = connection.exec_driver_sql(f"select * from {name} order by 1, 2")
        return [dict(zip(TABLES[name].names, plain(row), strict=True)) for row in found]


def quotes(block):
    """Quotes of a compiled strategy: two rows without figures."""
    return [(n, r) for n, r in enumerate(block.rows) if r["kind"] == Kind.INTENT and r["ref"] < 0 and r["flags"] & 1]


def told(block, kind):
    """Sequence, row and what it refers to, of each row of a kind that refers to something."""
    for seq in np.flatnonzero((block.rows["kind"] == kind) & (block.rows["ref"] >= 0)).tolist():
        row = block.rows[seq]
        blob = kind in (Kind.INTENT, Kind.PASS, Kind.REFUSAL, Kind.SETTLED)
        yield seq, row, json.loads(block.blobs[row["ref"]]) if blob else block.orders[row["ref"]]


@pytest.fixture(scope="module", params=CASES)
def one(request):
    return recorded(request.param)


def test_fills_and_orders_g3(one, ledger):
    project(ledger.link, one.facts, lambda: one.blocks)
    things = {i.id: i for i in one.header.instruments}
    fills, orders = rows_of(ledger.place, "fills"), {o["order_id"]: o for o in rows_of(ledger.place, "orders")}
    expected = list(told(one.whole, Kind.FILL))
    assert [f["seq"] for f in fills] == [seq for seq, _, _ in expected]
    assert fills
    filled, fees = Counter(), Counter()
    for fill, (_, row, order) in zip(fills, expected, strict=True):
        inst = things[int(row["inst"])]
        assert Decimal(fill["price"]) == inst.price(row["price"])
        assert Decimal(fill["qty"]) == inst.size(row["qty"])
        assert Decimal(fill["value"]) == inst.price(row["price"]) * inst.size(row["qty"])
        assert Decimal(fill["fee"]) == Decimal(int(order["fee"])).scaleb(-8)
        assert (fill["time"], fill["venue_time"], fill["side"]) == (row["recv"], order["at"], row["side"])
        filled[int(order["id"])] += Decimal(fill["qty"])
        fees[int(order["id"])] += Decimal(fill["fee"])
    submitted = {int(o["id"]): (seq, row) for seq, row, o in told(one.whole, Kind.SUBMIT)}
    assert {k: o["seq"] for k, o in orders.items()} == {k: seq for k, (seq, _) in submitted.items()}
    last = {}
    for kind in (Kind.ACK, Kind.FILL, Kind.CANCELED):
        last |= {
            int(o["id"]): max(last.get(int(o["id"]), (0, 0)), (seq, int(o["left"])))
            for seq, _, o in told(one.whole, kind)
        }
    for number, order in orders.items():
        assert Decimal(order["filled"]) == filled[number]
        assert Decimal(order["fee"]) == fees[number]
        if order["state"] == "filled":
            assert Decimal(order["filled"]) == Decimal(order["qty"])
            assert last[number][1] == 0
        assert (order["end_time"] is not None) == (order["state"] in ("filled", "canceled", "rejected", "expired"))


def test_counts_by_minute_add_up_g3(one, ledger):
    """PASS rows are counted by minute, strategy, instrument and reason; none is lost, none counted twice."""
    project(ledger.link, one.facts, lambda: one.blocks)
    expected = Counter()
    for kind, outcome, key in ((Kind.PASS, "pass", "reason"), (Kind.REFUSAL, "refusal", "code")):
        for _, row, blob in told(one.whole, kind):
            minute = int(row["recv"]) // MINUTE * MINUTE
            expected[minute, blob["strategy"], int(row["inst"]), outcome, blob[key]] += 1
    for _, row in quotes(one.whole):
        expected[int(row["recv"]) // MINUTE * MINUTE, one.facts.strategy, int(row["inst"]), "intent", "quotes"] += 1
    for _, row, blob in told(one.whole, Kind.INTENT):
        side = {1: "long", -1: "short"}.get(int(row["side"]), blob["kind"])
        expected[int(row["recv"]) // MINUTE * MINUTE, blob["strategy"], int(row["inst"]), "intent", side] += 1
    found = rows_of(ledger.place, "signals")
    keys = ("minute", "strategy", "inst", "outcome", "reason")
    assert {tuple(r[k] for k in keys): r["count"] for r in found} == dict(expected)


def test_decisions_and_their_ends_g3(one, ledger):
    """trade_decisions: the intent with all its figures, and the verdict; refused ones with their code and text."""
    project(ledger.link, one.facts, lambda: one.blocks)
    found = {row["seq"]: row for row in rows_of(ledger.place, "trade_decisions")}
    refused = {blob["intent"]: blob for _, _, blob in told(one.whole, Kind.REFUSAL)}
    sent = {}
    for _, _, order in told(one.whole, Kind.SUBMIT):
        sent.setdefault(int(order["parent"]), int(order["id"]))
    intents = list(told(one.whole, Kind.INTENT))
    assert set(found) == {seq for seq, _, _ in intents}
    for seq, _, blob in intents:
        row = found[seq]
        assert json.loads(row["figures"]) == blob
        unjudged = "exit" if blob.get("does") in ("close", "part", "stop") else "open"
        assert row["verdict"] == ("refused" if seq in refused else "approved" if seq in sent else unjudged)
        assert row["first_order"] == sent.get(seq)
        if seq in refused:
            assert (row["refusal"], row["refusal_text"]) == (refused[seq]["code"], refused[seq]["text"])
            plain = [{"gate": refused[seq]["code"], "passed": False}]
            assert json.loads(row["gates"]) == refused[seq].get("gates", plain)


def test_trades_metrics_and_the_account_g3(one, ledger):
    project(ledger.link, one.facts, lambda: one.blocks)
    trades = [t for t in rows_of(ledger.place, "trade_history") if t["traded"]]
    settled = [blob for _, _, blob in told(one.whole, Kind.SETTLED)]
    assert len(rows_of(ledger.place, "trade_history")) == len(settled)
    whole = {(m["strategy"], m["day"]): m for m in rows_of(ledger.place, "performance_metrics")}["", 0]
    assert whole["trades"] == len(trades)
    for name in ("gross", "fees", "funding", "pnl"):
        assert Decimal(whole[name]) == sum((Decimal(t[name]) for t in trades), Decimal(0))
    for trade in trades:
        assert Decimal(trade["pnl"]) == Decimal(trade["gross"]) - Decimal(trade["fees"]) + Decimal(trade["funding"])
    told_balances = [(seq, b["equity"], b["cash"]) for seq, _, b in balances(one.whole)]
    states = rows_of(ledger.place, "portfolio_state")
    assert [(s["seq"], s["equity"], s["cash"]) for s in states] == told_balances
    peak, worst = Decimal(0), 0.0
    for state in states:
        peak = max(peak, Decimal(state["equity"]))
        worst = max(worst, float(1 - Decimal(state["equity"]) / peak))
        assert Decimal(state["peak"]) == peak
        assert state["drawdown"] == float(1 - Decimal(state["equity"]) / peak)
    assert whole["max_drawdown"] == worst
    assert whole["equity"] == states[-1]["equity"]


def test_positions_in_the_account_are_what_the_fills_add_up_to_g3(one, ledger):
    project(ledger.link, one.facts, lambda: one.blocks)
    fills, things = rows_of(ledger.place, "fills"), {i.id: i for i in one.header.instruments}
    closed = [(seq, *pair) for seq, _, blob in told(one.whole, Kind.SETTLED) for pair in blob.get("left", ())]
    for state in rows_of(ledger.place, "portfolio_state"):
        held = Counter()
        for fill in fills:
            if fill["seq"] < state["seq"]:
                held[fill["symbol"]] += fill["side"] * Decimal(fill["qty"])
        for seq, inst, lots in closed:
            if seq < state["seq"]:
                held[things[inst].symbol] -= things[inst].size(lots)
        assert {k: Decimal(v) for k, v in json.loads(state["positions"]).items()} == {
            k: v for k, v in held.items() if v
        }


def test_what_the_end_of_the_data_closed_is_held_no_more_g3(ledger):
    """The books are flat then, and say so: no fill tells of it, the trade does."""
    one = recorded("setups")
    project(ledger.link, one.facts, lambda: one.blocks)
    ended = [blob for _, _, blob in told(one.whole, Kind.SETTLED) if blob["reason"] == "end of data"]
    assert ended
    assert all(blob["left"][0][1] * blob["side"] > 0 for blob in ended)
    before, last = rows_of(ledger.place, "portfolio_state")[-2:]
    assert json.loads(before["positions"])
    assert (Decimal(last["exposure"]), json.loads(last["positions"])) == (0, {})


@pytest.mark.parametrize(
    ("venue", "names"),
    [("elsewhere", ["BTC/USDT:USDT (synthetic)", "BTC/USDT:USDT (elsewhere)"]), ("synthetic", ["BTC/USDT:USDT"])],
)
def test_positions_of_one_symbol_are_apart_by_venue_and_one_where_it_was_replaced_g3(ledger, venue, names):
    one = recorded("setups")
    first, second, *rest = one.header.instruments
    header = replace(one.header, instruments=(first, replace(second, symbol=first.symbol, venue=venue), *rest))
    project(ledger.link, facts_of(one.manifest, header), lambda: one.blocks)
    held = json.loads(rows_of(ledger.place, "portfolio_state")[-2]["positions"])
    lots = Counter()
    for _, row, _ in told(one.whole, Kind.FILL):
        lots[int(row["inst"])] += int(row["side"] * row["qty"])
    apart = [first.size(lots[first.id]), second.size(lots[second.id])]
    assert 0 not in apart
    assert [Decimal(held[name]) for name in names] == (apart if len(names) == 2 else [sum(apart)])


def test_an_instrument_and_what_replaced_it_that_cancel_are_not_held():
    one = recorded("setups")
    first, second, *rest = one.header.instruments
    made = Projector("a", (first, replace(second, symbol=first.symbol, lot=first.lot), *rest))
    made._positions.update({first.id: 5, second.id: -5})
    assert made._held() == {}


@pytest.mark.parametrize("seed", range(2))
def test_cuts_do_not_matter_g3(one, fresh, seed):
    """In one block, row by row, or cut anywhere, in batches of any size: the same tables."""
    rng = np.random.default_rng(seed)
    n = len(one.whole)
    found = []
    for blocks, batch in (
        ([one.whole], n + 1),
        (pieces(one.whole, random_cuts(rng, n, 40)), int(rng.integers(1, n))),
        (pieces(one.whole, random_cuts(rng, n, 200)), int(rng.integers(300, 900))),
    ):
        to = fresh()
        made = link(to)
        assert project(made, one.facts, lambda blocks=blocks: blocks, batch=batch) == n
        made.close()
        found.append(hashes(to))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("seed", range(2))
def test_twice_and_from_the_middle_g3(one, ledger, seed):
    """Projected once more, after a part, and after the part of a journal that was cut: the tables of one pass."""
    rng = np.random.default_rng(seed)
    n, half = len(one.whole), int(rng.integers(1, len(one.whole)))
    first = pieces(one.whole, [half])[:1]
    assert project(ledger.link, one.facts, lambda: first) == half
    cut_short = ledger.hashes()
    assert project(ledger.link, one.facts, lambda: one.blocks, batch=500) == n - half
    whole = ledger.hashes()
    assert project(ledger.link, one.facts, lambda: one.blocks) == 0
    assert ledger.hashes() == whole
    assert project(ledger.link, one.facts, lambda: first) == half  # the tape is shorter now: so are the tables
    assert ledger.hashes() == cut_short
    assert cut_short != whole


def test_other_rows_under_the_same_name_start_over_g3(ledger):
    """What the tables hold is checked against the rows: of other rows nothing is left over."""
    one, other = recorded("setups"), recorded("psc")
    half = pieces(one.whole, [len(one.whole) // 2])[:1]
    project(ledger.link, one.facts, lambda: half)
    assert project(ledger.link, one.facts, lambda: other.blocks) == len(other.whole)
    mixed = ledger.hashes()
    ledger.link.begin()
    wipe(ledger.link, one.facts.run)
    ledger.link.commit()
    project(ledger.link, one.facts, lambda: other.blocks)
    assert ledger.hashes() == mixed


def test_another_version_of_the_projection_starts_over_g3(ledger):
    one = recorded("setups")
    project(ledger.link, one.facts, lambda: one.blocks)
    before = ledger.hashes()
    ledger.link.run("update progress set projection = 0")
    ledger.link.run("delete from fills")
    assert project(ledger.link, one.facts, lambda: one.blocks) == len(one.whole)
    assert ledger.hashes() == before


def test_runs_do_not_touch_each_other_g3(ledger):
    one, other = recorded("setups"), recorded("psc")
    second = facts_of(other.manifest | {"run": "ffffff"}, other.header)
    project(ledger.link, one.facts, lambda: one.blocks)
    alone = ledger.hashes(one.facts.run)
    project(ledger.link, second, lambda: other.blocks)
    assert ledger.hashes(one.facts.run) == alone
    assert ledger.hashes(second.run) != alone
    assert ledger.hashes()["runs"][0] == 2


def test_gathered_is_the_same_rows():
    for name in CASES:
        one = recorded(name)
        assert content_hash([gathered(one.blocks)]) == content_hash([concat(one.blocks)])


def test_memory_is_that_of_what_is_open():
    """A projection that is told row after row holds open orders, the minute and the day, and no more."""
    one = recorded("quoter")
    projector = Projector("x", one.header.instruments)
    most = 0
    for block in pieces(one.whole, range(200, len(one.whole), 200)):
        projector.take(block)
        made = projector.batch()
        assert sum(map(len, made.tables.values())) <= 3 * len(block) + 50
        most = max(most, len(projector._orders.open))
        assert len(projector._signals.counts) < 100
        assert not projector._rows
    assert most < 20
