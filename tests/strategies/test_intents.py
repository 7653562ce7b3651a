import math

import numpy as np
import pytest

from tickerml.strategies.wake import Bars, Every, Trade
from tickerml.tape.errors import ConfigError
from tickerml.tape.intents import Entry, Leg, Legs, Long, Pass, Quotes, Setup, Short, Target, stands_alone
from tickerml.tape.rows import DAY
from tickerml.tape.spans import nanoseconds


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("250ms", 250_000_000),
        ("1s", 10**9),
        ("1.5s", 1_500_000_000),
        ("5m", 300 * 10**9),
        ("48h", 172_800 * 10**9),
        ("1w", 604_800 * 10**9),
        (7, 7),
        (5e9, 5 * 10**9),
        (0.5, 1),
        (np.int64(7), 7),
        (np.float32(2.5), 3),
        (np.float64(1e9), 10**9),
    ],
)
def test_spans(text, ns):
    found = nanoseconds(text)
    assert (found, type(found)) == (ns, int)
    assert Long(stop=0.1, horizon=text).horizon_ns == Short(stop=0.1, horizon=text).horizon_ns == ns


@pytest.mark.parametrize(
    "text", ["", "5", "m", "5 minutes", "0s", "-1s", "1M", "9" * 400 + "d", math.nan, np.float64("inf"), None, [5]]
)
def test_what_is_no_span_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match="not a span") as caught:
        nanoseconds(text)
    assert caught.value.code == "span"
    assert '"48h"' in caught.value.try_


def test_a_horizon_beyond_all_numbers_is_refused_by_its_range():
    with pytest.raises(ConfigError, match=r"horizon is .* at most 36,500 days"):
        Long(stop=0.1, horizon=10**400)


def test_wakes_are_values():
    assert Every("1s") == Every("1s")
    assert Every("1s").ns == 10**9
    assert Bars("5m").ns == 300 * 10**9
    assert Trade(min_usd=10_000).min_usd == 10_000


def test_long_and_short_are_setups():
    up = Long(target=0.10, stop=0.08, horizon="48h", info={"score": 3.0})
    down = Short(target=0.10, stop=0.08, horizon="48h")
    assert (up.side, down.side) == (1, -1)
    assert up.horizon_ns == 172_800 * 10**9
    assert up.entries == (Entry(price=None, share=1.0),)
    assert up.info["score"] == 3.0
    assert (up.leverage, up.stake) == (None, None)
    assert (Long(stop=0.1, horizon=5, leverage=20).leverage, Short(stop=0.1, horizon=5, leverage=7).leverage) == (20, 7)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Setup(0, 1, stop=0.1),
        lambda: Setup(1, 0, stop=0.1),
        lambda: Setup(1, 1),
        lambda: Setup(1, 1, stop=-0.1),
        lambda: Setup(1, 1, target=float("nan"), stop=0.1),
        lambda: Setup(1, 1, stop=0.1, leverage=0),
        lambda: Setup(1, 1, stop=0.1, entries=(Entry(1.0, 0.5), Entry(2.0, 0.4))),
        lambda: Setup(1, 1, substitute="stake", superp=True),
        lambda: Setup(1, 1, substitute="whatever"),
        lambda: Setup(1, 1, stop=0.1, substitute="whatever"),
        lambda: Setup(1, 1, substitute=5),
        lambda: Setup(1, 1, substitute="stake"),
        lambda: Setup(1, 1, substitute="stake", stake=10.0),
        lambda: Setup(1, 1, substitute="envelope"),
        lambda: Setup(1, 1, substitute="hedge", superp=True, stake=10.0),
        lambda: Setup(1, 1, superp=True, stake=10.0),
        lambda: stands_alone(Setup(1, 1, substitute="hedge")),
        lambda: Setup(1, 1, stop=0.1, entries=(Entry(share=5.0), Entry(share=-4.0))),
        lambda: Setup(1, 1, stop=0.1, entries=(Entry(share=1.0), Entry(share=0.0))),
        lambda: Setup(1, 1, stop=0.1, entries=(Entry(share=1.0), Entry(share=math.nan))),
        lambda: Setup(1, 1, stop=0.1, entries=()),
        lambda: Setup(1, 1, stop=0.1, entries=iter((Entry(),))),
        lambda: Setup(1, 1, stop=0.1, zones=math.nan),
        lambda: Target(0.5),
        lambda: Target(0.5, substitute="hedge"),
        lambda: Target(0.5, substitute="stake"),
        lambda: Target(0.5, substitute="whatever"),
        lambda: Target(0.5, stop=math.nan),
        lambda: Target(0.5, stop=-0.5),
        lambda: Target(0.5, stop=0),
        lambda: Quotes(math.nan, 10.0, 1, 5, 1),
        lambda: Target(float("inf"), stop=0.1),
        lambda: Quotes(10.0, 10.0, 1, 5, 1),
        lambda: Quotes(9.0, 10.0, 0, 5, 1),
        lambda: Legs((Leg("binance", "BTC/USDT", Setup(1, 1, stop=0.1)),)),
    ],
)
def test_an_intent_that_cannot_stand_is_refused(make):
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.code == "intent"


def test_substitutes_stand_in_for_a_stop():
    assert Setup(1, 1, substitute="hedge").stop is None
    assert Target(0.5, substitute="envelope").stop is None
    assert Setup(1, 1, substitute="stake", superp=True, stake=10.0).stake == 10.0
    assert Target(0.0).exposure == 0
    assert Quotes(None, 10.0, 1, 5, 1).bid is None


PERP, SPOT, OTHER = "BTC/USDT:USDT", "BTC/USDT", "ETH/USDT:USDT"


def legs(*of):
    """Legs of (symbol, side, size, whether it leans on a hedge)."""
    made = [(s, Setup(side, 1, stop=None if bare else 0.1, substitute="hedge" if bare else "", size=size))
            for s, side, size, bare in of]  # fmt: skip
    return Legs(tuple(Leg("binance", symbol, setup) for symbol, setup in made))


@pytest.mark.parametrize(
    ("of", "good"),
    [
        ([(SPOT, 1, None, True), (PERP, -1, None, True)], True),
        ([(SPOT, 1, 0.1, True), (PERP, -1, 0.1, False)], True),
        ([(SPOT, 1, 0.1, True), (PERP, -1, 0.2, False)], True),
        ([(SPOT, 1, 0.2, True), (PERP, -1, 0.1, False)], False),  # half of it stands bare
        ([(SPOT, 1, 0.1, True), (PERP, -1, 0.1, True), (OTHER, 1, 0.1, False)], True),
        ([(SPOT, 1, None, True), (PERP, 1, None, False)], False),  # the same side
        ([(SPOT, 1, None, True), (OTHER, -1, None, False)], False),  # another coin
        ([(SPOT, 1, 0.1, True), (PERP, -1, 0.3, True)], False),
        ([("PEPE/USDT", 1, None, True), ("1000PEPE/USDT:USDT", -1, None, True)], True),  # a thousand of one coin
        ([("INCH/USDT", 1, None, True), ("1INCH/USDT:USDT", -1, None, True)], False),
        ([(SPOT, 1, 0.1, True), (PERP, -1, None, True)], True),  # without all hints they are worth the same
    ],
)
def test_f5_a_leg_leans_only_on_what_hedges_it(of, good):
    if good:
        assert len(legs(*of).legs) == len(of)
        return
    with pytest.raises(ConfigError, match="no other leg hedges it") as caught:
        legs(*of)
    assert caught.value.code == "intent"


NUMBERS = {  # field: (how it is given, its largest)
    "target": (lambda x: Setup(1, 1, target=x, stop=0.1), 1_000),
    "stop": (lambda x: Setup(1, 1, stop=x), 1_000),
    "trail": (lambda x: Setup(1, 1, stop=0.1, trail=x), 1_000),
    "floor": (lambda x: Setup(1, 1, stop=0.1, floor=x), 1e12),
    "ceiling": (lambda x: Setup(1, 1, stop=0.1, ceiling=x), 1e12),
    "stake": (lambda x: Setup(1, 1, stop=0.1, stake=x), 1e15),
    "leverage": (lambda x: Setup(1, 1, stop=0.1, leverage=x), 1e6),
    "size": (lambda x: Setup(1, 1, stop=0.1, size=x), 1e6),
    "horizon": (lambda x: Setup(1, x, stop=0.1), 36_500 * DAY),
    "the price of an entry": (Entry, 1e12),
    "the share of an entry": (lambda x: Entry(share=x), 1),
    "the ttl_ns of an entry": (lambda x: Entry(ttl_ns=x), 36_500 * DAY),
    "exposure": (lambda x: Target(x, stop=0.1), 1e6),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_beyond_its_range_is_refused_with_field_and_range(name):
    make, most = NUMBERS[name]
    make(most)
    for absurd in (
        1e308,
        -1e308,
        -0.5e-9 - 2e6,
        math.inf,
        -math.inf,
        math.nan,
        10**400,
        10**5000,
        -(10**5000),
        "1",
        None,
    ):
        if absurd is None and name not in ("exposure", "horizon", "the share of an entry", "the ttl_ns of an entry"):
            continue
        with pytest.raises(
            ConfigError, match=rf"^intent: {name} is .*; it must be (above|from) .* (at most|to) "
        ) as caught:
            make(absurd)
        assert caught.value.code == "intent"
        assert len(str(caught.value)) < 300


def test_numbers_of_numpy_and_floats_count_as_whole_ones_do():
    made = Setup(np.uint8(1), 5e9, stop=np.float32(0.1), entries=(Entry(ttl_ns=0.5),))
    assert (type(made.side), type(made.horizon_ns), made.horizon_ns) == (int, int, 5 * 10**9)
    assert made.entries[0].ttl_ns == 1
    assert -Setup(np.uint8(1), 1, stop=0.1).side == -1


def test_passes_are_hashable_by_reason_and_equal():
    assert Pass("ratio neutral") == Pass("ratio neutral")
    assert Pass("ratio neutral").info == {}
