import pytest

from tickerml.strategies.wake import Bars, Every, Trade
from tickerml.tape.errors import ConfigError
from tickerml.tape.intents import Entry, Leg, Legs, Long, Pass, Quotes, Setup, Short, Target
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
    ],
)
def test_spans(text, ns):
    assert nanoseconds(text) == ns


@pytest.mark.parametrize("text", ["", "5", "m", "5 minutes", "0s", "-1s", "1M"])
def test_what_is_no_span_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match="not a span") as caught:
        nanoseconds(text)
    assert caught.value.code == "span"
    assert '"48h"' in caught.value.try_


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
        lambda: Target(0.5),
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
    assert Setup(1, 1, substitute="stake", superp=True, stake=10.0).stake == 10.0
    assert Target(0.0).exposure == 0
    assert Quotes(None, 10.0, 1, 5, 1).bid is None


def test_passes_are_hashable_by_reason_and_equal():
    assert Pass("ratio neutral") == Pass("ratio neutral")
    assert Pass("ratio neutral").info == {}
