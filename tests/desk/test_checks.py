"""Every control of the desk that refuses before a size is known: what passes at the limit, and what fails beyond it."""

from __future__ import annotations

from math import nan

import pytest
from desks import (
    CASH,
    COINS,
    NOW,
    SPOT,
    UNIT,
    desk,
    facts,
    gate,
    instrument,
    judge,
    later,
    message,
    proposal,
    setup,
    told,
)

from tickerml.desk.approved import Approved, Refusal
from tickerml.desk.checks import REFUSES
from tickerml.desk.exposure import Exposure, Worst
from tickerml.desk.gates import ABSENT, FAILED, PASSED
from tickerml.desk.limits import TEXT, Refused
from tickerml.desk.regime import CAUTION, PANIC
from tickerml.desk.settings import Manager
from tickerml.desk.sized import REFUSES_SIZED
from tickerml.tape.intents import Entry
from tickerml.tape.rows import DAY, SECOND

MAJOR, OTHER = 0, 1  # BTC, XYZ


def refused(verdict, reason):
    return isinstance(verdict, Refusal) and verdict.reason is reason


def approved(verdict):
    return isinstance(verdict, Approved)


def test_a_calm_moment_passes_every_gate():
    """F3: whatever has no number is named as not applicable, with why."""
    verdict = judge(proposal())
    assert approved(verdict)
    gates = [told(gate) for gate in verdict.gates]
    assert [g.name for g in gates] == [*REFUSES, *REFUSES_SIZED]
    assert all(g.state in (PASSED, ABSENT) for g in gates)
    assert all(g.why for g in gates if g.state == ABSENT)


def test_every_reason_has_a_text_of_its_own():
    assert set(TEXT) == set(Refused)
    assert len(set(TEXT.values())) == len(TEXT)


MARKETS = [  # control, coin, fact, passes at, fails beyond, reason
    ("stale, majors", MAJOR, "age_ns", 2 * SECOND, 2 * SECOND + 1, Refused.STALE),
    ("stale", OTHER, "age_ns", 10 * SECOND, 10 * SECOND + 1, Refused.STALE),
    ("crossed book", OTHER, "crossed", False, True, Refused.CROSSED),
    ("crossed book by its prices", OTHER, "ask", 10_001, 9_998, Refused.CROSSED),
    ("no price", OTHER, "bid", 9_999, 0, Refused.NO_PRICE),
    ("quote depeg", OTHER, "off_par", 0.01, 0.0100001, Refused.OFF_PAR),
    ("volatility halt, majors", MAJOR, "move_1m", 0.05, 0.0500001, Refused.VOLATILITY_HALT),
    ("volatility halt", OTHER, "move_1m", 0.1, 0.1000001, Refused.VOLATILITY_HALT),
    ("spread halt", OTHER, "spread_ratio", 10.0, 10.0001, Refused.VOLATILITY_HALT),
    ("venue and session", OTHER, "blocked", "", "clock 1.2 s off", Refused.VENUE),
    ("instrument drift", OTHER, "rebasing", False, True, Refused.REBASING),
    ("collar of the median", OTHER, "median", 9_138.0, 9_137.0, Refused.COLLAR),
    ("collar of the median from below", OTHER, "median", 11_166.0, 11_169.0, Refused.COLLAR),
    ("target above cost (F5)", OTHER, "cost", 0.02, 0.020001, Refused.TARGET_BELOW_COST),
    ("liquidation distance (F3)", OTHER, "maintenance", 0.07, 0.0701, Refused.LIQUIDATION),
]


@pytest.mark.parametrize(("_name", "coin", "fact", "good", "bad", "reason"), MARKETS, ids=[m[0] for m in MARKETS])
def test_a_market_at_its_limit_passes_and_beyond_it_is_refused(_name, coin, fact, good, bad, reason):
    assert approved(judge(proposal(coin), facts(at={fact: good})))
    assert refused(judge(proposal(coin), facts(at={fact: bad})), reason)


@pytest.mark.parametrize("fact", ["apart", "off_par", "move_1m", "spread_ratio", "median"])
def test_a_number_that_cannot_be_computed_fails_and_one_that_cannot_exist_is_named(fact):
    """A check that cannot be computed counts as failed; in a live session so does one without its source."""
    known = {"apart": 0.0, "off_par": 0.0, "move_1m": 0.0, "spread_ratio": 1.0, "median": 10_000.0}
    known |= {"depth_bid": 1e15, "depth_ask": 1e15}
    live = {"second": CASH, "live": True, "ready_ns": DAY}
    assert isinstance(judge(proposal(), facts(at={fact: nan})), Refusal)
    assert approved(judge(proposal(), facts(at={fact: None})))
    assert approved(judge(proposal(), facts(at=known, **live)))
    assert isinstance(judge(proposal(), facts(at={**known, fact: None}, **live)), Refusal)


def test_bars_have_more_patience_with_silence():
    two_bars = {"age_ns": 310 * SECOND, "patience_ns": 300 * SECOND, "bar_only": True}
    assert approved(judge(proposal(OTHER), facts(at=two_bars)))
    assert refused(judge(proposal(OTHER), facts(at={**two_bars, "age_ns": 310 * SECOND + 1})), Refused.STALE)


def test_venue_out_of_line_only_after_it_has_lasted():
    """Control "venue out of line": 1 % from a second source for 5 s."""
    for apart, lasted, good in [(0.01, 99, True), (0.011, 5, True), (0.011, 5.001, False), (nan, 0, False)]:
        verdict = judge(proposal(), facts(at={"apart": apart, "apart_ns": round(lasted * SECOND)}))
        assert approved(verdict) if good else refused(verdict, Refused.OUT_OF_LINE)


def test_a_missing_market_or_wallet_number_is_a_refusal_not_a_crash():
    assert refused(judge(proposal(), facts(at={"median": 0.0})), Refused.COLLAR)
    assert refused(judge(proposal(), facts(equity=None)), Refused.EQUITY_UNKNOWN)
    assert refused(judge(proposal(), facts(equity=nan)), Refused.EQUITY_UNKNOWN)
    assert refused(judge(proposal(), facts(equity=0)), Refused.EQUITY_UNKNOWN)
    assert refused(judge(proposal(), facts(cash=0)), Refused.NO_CASH)
    assert refused(judge(proposal(), facts(at={"margin": 0.0, "maintenance": -1.0})), Refused.NOT_COMPUTABLE)


def test_two_equities_apart():
    """Loss limits: fold and venue more than 0.5 % apart, entries off."""
    assert approved(judge(proposal(), facts(second=CASH * 1.005)))
    assert refused(judge(proposal(), facts(second=CASH * 1.00501)), Refused.EQUITIES_APART)
    assert refused(judge(proposal(), facts(second=CASH * 0.99499)), Refused.EQUITIES_APART)
    assert refused(judge(proposal(), facts(second=nan)), Refused.EQUITIES_APART)


def test_alerts_that_nobody_answers():
    assert approved(judge(proposal(), facts(alert_ns=300 * SECOND)))
    assert refused(judge(proposal(), facts(alert_ns=300 * SECOND + 1)), Refused.ALERT)


def test_superp_and_spot_shorts():
    stake = {"superp": True, "stake": 100.0, "stop": None, "substitute": "stake", "leverage": 100.0}
    assert refused(judge(proposal(**stake)), Refused.SUPERP_OFF)
    assert approved(judge(proposal(**stake), of=desk(superp=True)))
    assert refused(judge(proposal(inst=SPOT[1], setup=setup(-1))), Refused.NO_SHORT)
    assert approved(judge(proposal(inst=SPOT[1]), facts(at={"margin": 1.0})))


def test_one_position_a_coin():
    """F1: one position a symbol."""
    held = Exposure(positions=1)
    held.side[0] = 1
    assert refused(judge(proposal(0), facts(exposure=held)), Refused.POSITION_OPEN)
    assert approved(judge(proposal(1), facts(exposure=held)))


@pytest.mark.parametrize(("limit", "turbo"), [(5, False), (3, True)])
def test_positions_at_once(limit, turbo):
    """F3: 5 positions; S4 turbo: 3, on small accounts only."""
    money = 90 * UNIT if turbo else CASH
    at = {"now": NOW, "equity": money, "cash": money}
    info = {"tier": "A", "turbo": True} if turbo else {}
    free = Exposure(positions=limit - 1)
    assert approved(judge(proposal(1, info=info), facts(exposure=free, **at)))
    full = Exposure(positions=limit)
    assert refused(judge(proposal(1, info=info), facts(exposure=full, **at)), Refused.TOO_MANY_POSITIONS)
    assert refused(judge(proposal(1), facts(exposure=Exposure(room=0))), Refused.NO_ROOM)


def test_correlation_counts_in_the_direction_of_both():
    """F3: correlation limit 0.7."""
    for mine, theirs, rho, good in [
        *((1, 1, 0.7, True), (1, 1, 0.7001, False), (-1, 1, 0.9, True), (-1, 1, -0.7001, False)),
        *((-1, -1, 0.7001, False), (1, 1, nan, False)),
    ]:
        held = Exposure(positions=1)
        held.side[3] = theirs
        verdict = judge(proposal(1, setup=setup(mine)), facts(exposure=held, correlation=lambda a, b, r=rho: r))
        assert approved(verdict) if good else refused(verdict, Refused.CORRELATED)
    assert gate(judge(proposal(1), facts(exposure=held.copy())), "correlation").state == ABSENT
    assert refused(judge(proposal(1), facts(exposure=held, live=True, second=CASH, at=LIVE)), Refused.CORRELATED)


LIVE = {"apart": 0.0, "off_par": 0.0, "move_1m": 0.0, "spread_ratio": 1.0, "median": 10_000.0}


def test_unknown_orders_block_a_coin_and_then_the_venue():
    """Control UNKNOWN orders: 1 blocks the symbol, 3 the venue."""
    one, three = Exposure(), Exposure()
    one.unknown_on[0] = 1
    assert refused(judge(proposal(0), facts(exposure=one)), Refused.UNKNOWN_ORDERS)
    assert approved(judge(proposal(1), facts(exposure=one)))
    three.unknown_on.update({2: 1, 3: 1})
    assert approved(judge(proposal(1), facts(exposure=three)))
    three.unknown_on[4] = 1
    assert refused(judge(proposal(1), facts(exposure=three)), Refused.UNKNOWN_ORDERS)


def test_open_orders():
    """Control open orders: 25 a symbol, 100 an account."""
    for on, total, good in [(24, 24, True), (25, 25, False), (0, 99, True), (0, 100, False)]:
        held = Exposure(orders=total)
        held.orders_on[1] = on
        verdict = judge(proposal(1), facts(exposure=held))
        assert approved(verdict) if good else refused(verdict, Refused.OPEN_ORDERS)


def sent(one, coins, seconds=0.0):
    for k in coins:
        message(one.memory, later(seconds), k)
    return one


def test_message_rates():
    """Control message rate: 5/s a symbol, 10/s an account, half of the venue's limit, 1,000 a day."""
    assert approved(judge(proposal(0), of=sent(desk(), [0] * 4)))
    assert refused(judge(proposal(0), of=sent(desk(), [0] * 5)), Refused.MESSAGE_RATE)
    assert approved(judge(proposal(0), of=sent(desk(), [1, 2, 3] * 3)))
    assert refused(judge(proposal(0), of=sent(desk(), [1, 2, 3, 4, 5] * 2)), Refused.MESSAGE_RATE)
    assert approved(judge(proposal(0), facts(now=later(1)), of=sent(desk(), [0] * 5)))
    for rate, good in [(8, True), (7, False)]:
        verdict = judge(proposal(0), facts(at={"venue_rate": rate}), of=sent(desk(), [1, 2, 3]))
        assert approved(verdict) if good else refused(verdict, Refused.MESSAGE_RATE)


def test_messages_of_a_day():
    one = sent(desk(messages_day=3), [1, 2])
    assert approved(judge(proposal(0), facts(now=later(60)), of=one))
    sent(one, [0], 60)
    assert refused(judge(proposal(3), facts(now=later(120)), of=one), Refused.MESSAGE_RATE)
    assert approved(judge(proposal(3), facts(now=NOW + DAY), of=one))


def test_a_grid_counts_with_all_its_orders():
    five = tuple(Entry(100 - k, 0.2) for k in range(5))
    assert approved(judge(proposal(0, entries=five)))
    assert refused(judge(proposal(0, entries=five), of=sent(desk(), [0])), Refused.MESSAGE_RATE)


def test_the_beginning_of_a_live_session_is_slow_and_half_sized():
    """First 60 s after READY: half size, 1 order/s."""

    def at(seconds):
        return facts(ready_ns=round(seconds * SECOND))

    assert approved(judge(proposal(0), at(60), of=sent(desk(), [1])))
    assert refused(judge(proposal(0), at(59.999), of=sent(desk(), [1])), Refused.MESSAGE_RATE)
    half, whole = judge(proposal(0), at(59.999)), judge(proposal(0), at(60))
    assert half.orders[0].qty == pytest.approx(whole.orders[0].qty / 2, abs=1)
    assert list(half.factors) == ["session start"]


def test_confidence_needs_a_model():
    """F1: null confidence passes and is counted as no_model; with one, the strategy's minimum holds."""
    for name, least in [("dca", 0.6), ("swing", 0.65), ("channel", 0.3)]:
        own = {"min_confidence": least}
        assert approved(judge(proposal(name=name, info={**own, "confidence": least})))
        assert refused(judge(proposal(name=name, info={**own, "confidence": least - 0.0001})), Refused.CONFIDENCE)
        assert gate(judge(proposal(name=name, info={**own, "confidence": None})), "confidence").why == "no_model"
    assert gate(judge(proposal(name="psc", info={"confidence": 0.1})), "confidence").state == ABSENT


@pytest.mark.parametrize(
    ("settings", "own", "least"), [(0.7, 0.6, 0.7), (0.5, 0.6, 0.6), (None, 0.6, 0.6), (0.7, None, 0.7)]
)
def test_f1_the_higher_of_both_least_confidences_holds(settings, own, least):
    """The settings' (manager.confidence) and the strategy's own; either alone holds, too."""
    of = desk(names=("x",), manager=Manager(confidence={} if settings is None else {"x": settings}))
    info = {} if own is None else {"min_confidence": own}
    for confidence, good in ((least, True), (least - 0.001, False)):
        verdict = judge(proposal(name="x", info={**info, "confidence": confidence}), of=of)
        assert approved(verdict) if good else refused(verdict, Refused.CONFIDENCE)


@pytest.mark.parametrize("own", [nan, "high", True])
def test_f1_a_least_confidence_that_is_no_number_refuses(own):
    of = desk(names=("x",), manager=Manager(confidence={"x": 0.1}))
    told = judge(proposal(name="x", info={"min_confidence": own, "confidence": 0.9}), of=of)
    assert refused(told, Refused.CONFIDENCE)


def test_capital_and_heat_that_are_all_in_use():
    """F3: 50 % of capital, 6 % heat; F1: 40 % for DCA."""
    for field, share, reason in [("in_use", 0.5, Refused.CAPITAL_IN_USE), ("heat", 0.06, Refused.HEAT)]:
        held = Exposure()
        getattr(held, field)[0] = int(share * CASH)
        assert refused(judge(proposal(), facts(exposure=held)), reason)
        getattr(held, field)[0] = int(share * CASH * 0.99)
        assert approved(judge(proposal(), facts(exposure=held)))
    held = Exposure()
    held.by_strategy[0, 0] = int(0.4 * CASH)
    assert refused(judge(proposal(), facts(exposure=held)), Refused.CAPITAL_SHARE)
    assert approved(judge(proposal(strategy=1, name="swing"), facts(exposure=held)))


@pytest.mark.parametrize(("coin", "collar"), [(MAJOR, 0.01), (OTHER, 0.03)])
@pytest.mark.parametrize("side", [1, -1])
def test_price_collar(coin, collar, side):
    """Price collar: a limit at most 1 % (majors) or 3 % beyond the mid; on the near side it may rest."""
    at, beyond, deep = (round(100 * (1 + side * x), 2) for x in (collar, collar + 0.0001, -0.08))
    assert approved(judge(proposal(coin, setup=setup(side, entries=(Entry(at),)))))
    assert refused(judge(proposal(coin, setup=setup(side, entries=(Entry(beyond),)))), Refused.COLLAR)
    assert approved(judge(proposal(coin, setup=setup(side, entries=(Entry(deep),)))))
    near, far = (setup(side, entries=(Entry(100 - side * x),)) for x in (10.0, 10.01))
    assert approved(judge(proposal(coin, setup=near), facts(at={"median": 10_000.0})))
    assert refused(judge(proposal(coin, setup=far), facts(at={"median": 10_000.0})), Refused.COLLAR)


@pytest.mark.parametrize("side", [1, -1])
def test_market_entries_leave_as_limits_that_reach_half_a_percent(side):
    """Price collar: market orders go as IOC limits 0.5 % through; on bars there is no touch to hold them to."""
    (order,) = judge(proposal(OTHER, setup=setup(side))).orders
    assert (order.type, order.tif) == (1, 2)
    assert order.price == (10_051 if side > 0 else 9_950)  # 10,001 x 1.005 = 10,051.005; 9,999 x 0.995 = 9,949.005
    (order,) = judge(proposal(OTHER, setup=setup(side)), facts(at={"bar_only": True})).orders
    assert (order.type, order.price) == (2, 0)


@pytest.mark.parametrize("side", [1, -1])
def test_self_trade(side):
    """Control self-trade: an order that would meet our own is refused."""
    held = Exposure()
    book = held.best_sell if side > 0 else held.best_buy
    wish = setup(side, entries=(Entry(100.0 - side * 0.05, post_only=True),))
    book[1] = 10_000 - side * 5
    assert refused(judge(proposal(1, setup=wish), facts(exposure=held)), Refused.SELF_TRADE)
    book[1] = 10_000 - side * 4
    assert approved(judge(proposal(1, setup=wish), facts(exposure=held)))
    assert approved(judge(proposal(2, setup=wish), facts(exposure=held)))


@pytest.mark.parametrize("side", [1, -1])
def test_a_stop_must_be_legal_before_the_entry(side):
    """Naked position: the stop is checked before entering: a tick away, not through the touch, above zero."""
    wide = {"bid": 9_990, "ask": 10_010, "cost": 0.0}
    touching = setup(side, stop=0.002)  # 20 ticks from the far touch: at the near one
    assert refused(judge(proposal(1, setup=touching), facts(at=wide)), Refused.STOP_ILLEGAL)
    assert approved(judge(proposal(1, setup=setup(side, stop=0.0021)), facts(at=wide)))
    assert refused(judge(proposal(1, setup=setup(side, stop=0.00004))), Refused.STOP_ILLEGAL)
    if side > 0:
        assert refused(judge(proposal(1, stop=1.0)), Refused.STOP_ILLEGAL)
    resting = setup(side, stop=0.0001, entries=(Entry(100.0 - side * 1.0, post_only=True),))
    assert approved(judge(proposal(1, setup=resting)))


def test_liquidation_is_no_matter_for_spot():
    """Liquidation distance >= 3x the stop distance, by the venue's figure."""
    assert gate(judge(proposal(inst=SPOT[1]), facts(at={"margin": 1.0})), "liquidation distance").state == ABSENT
    assert refused(judge(proposal(1, stop=0.032), facts(at={"margin": 0.1})), Refused.LIQUIDATION)


def test_universe_and_symbols():
    """A3: only coins of the list, or of the rule."""
    one = desk(manager=Manager(symbols=("ETH",)))
    assert approved(judge(proposal(2), of=one))
    assert refused(judge(proposal(1), of=one), Refused.UNIVERSE)


def test_regime_stops_or_shrinks_entries():
    """F4: PANIC stops entries, CAUTION and EUPHORIA shrink them."""
    one = desk()
    one.regime.table["n"] = 1
    one.regime.table["breaker"] = PANIC
    assert refused(judge(proposal(), of=one), Refused.REGIME)
    one.regime.table["breaker"] = CAUTION
    usual, careful = judge(proposal(1), of=desk()), judge(proposal(1), of=one)
    assert careful.orders[0].qty == pytest.approx(usual.orders[0].qty / 2, abs=1)


def test_an_exposure_that_already_fills_a_coin():
    """25 % a symbol, worst case, also of what the desk did not open."""
    held = Exposure()
    held.notional[1] = int(0.25 * CASH)
    assert refused(judge(proposal(1), facts(exposure=held)), Refused.BELOW_MIN_NOTIONAL)
    held.notional[1] = int(0.2 * CASH)
    verdict = judge(proposal(1), facts(exposure=held))
    assert verdict.bound == "largest position"
    assert 0 < verdict.worst.notional <= 0.05 * CASH


def test_inverse_contracts_count_in_base():
    inst = instrument(0, inverse=True)
    money = facts(equity=100 * UNIT, cash=100 * UNIT, at={"margin": 0.1})
    verdict = judge(proposal(inst=inst), money, of=desk(instruments=(inst,)))
    assert verdict.bound == "order notional"
    assert verdict.worst.notional <= 10 * UNIT
    assert verdict.worst.notional + UNIT // 10 > 10 * UNIT  # one contract is 10 USD: 0.1 of base at 100


def test_the_first_failure_refuses_and_all_gates_up_to_it_are_told():
    verdict = judge(proposal(), facts(at={"off_par": 0.5}))
    assert [told(g).state for g in verdict.gates].count(FAILED) == 1
    assert verdict.gates[-1][0] == "quote par"
    assert verdict.text == "quote coin off par (quote par 0.5, limit 0.01)"
    assert len(COINS) == 8


def test_worst_counts_what_an_approval_adds():
    held = Exposure()
    held.add(0, 1, 2, -1, Worst(50, 5, 2), 3)
    assert (held.positions, held.room, held.orders, held.orders_on[2], held.sent, held.sent_on[2]) == (
        1,
        63,
        3,
        3,
        3,
        3,
    )
    assert (held.in_use[0], held.by_strategy[0, 1], held.heat[0], held.notional[2], held.side[2]) == (5, 5, 2, 50, -1)
