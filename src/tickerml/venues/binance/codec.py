"""Binance market data from the wire: bytes -> typed messages. Pure; nothing here knows files, books or ticks.

One flat struct takes every event, because the wire reuses one-letter keys; which of them mean something follows from
the stream. Numbers stay raw JSON text here and are read exactly, as integers, by `numbers`. The messages:

    {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":50093239189,
        "u":50093239202,"b":[["61737.63000000","0.00000000"]],"a":[["61837.64000000","1.54698000"]]}}       spot
    {"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":..,"T":..,"s":"BTCUSDT","U":..,"u":..,"pu":..,
        "b":[..],"a":[..]}}                                                                         futures; T <= E
    {"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63","B":"3.78","a":"61837.64",
        "A":"1.54"}}                                                    spot; futures add "e","E","T" (and "ps")
    {"stream":"btcusdt@trade","data":{"e":"trade","E":..,"T":..,"s":"BTCUSDT","t":5266583935,"p":"61800.30",
        "q":"0.006","X":"MARKET","m":false}}          m: the buyer rested, so the taker sold; spot has "M", not "X"
    {"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":..,"s":"BTCUSDT","a":5933014,"p":"0.001","q":"100",
        "f":100,"l":105,"T":..,"m":true}}
    {"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":..,"s":"BTCUSDT","p":"11794.15","i":"11784.62",
        "P":"11784.25","r":"0.00038167","T":1562306400000}}                       T: when funding is settled next
    {"stream":"btcusdt@forceOrder","data":{"e":"forceOrder","E":..,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT","f":"IOC",
        "q":"0.014","p":"9910","ap":"9910","X":"FILLED","l":"0.014","z":"0.014","T":1568014460893}}}
    {"stream":"btcusdt@kline_1m","data":{"e":"kline","E":..,"s":"BTCUSDT","k":{"t":..,"T":..,"i":"1m","o":"0.0010",
        "c":"0.0020","h":"0.0025","l":"0.0015","v":"1000","n":100,"x":false,"q":"1.0000","V":"500","Q":"0.500"}}}
    {"lastUpdateId":50093239218,"bids":[["61837.63","3.78"]],"asks":[..]}         REST snapshot, without a stream;
                                                         futures add "E","T", COIN-M also "symbol" and "pair"
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Final

import msgspec

from tickerml.venues.binance.instruments import COINM, SPOT, USDM, is_coinm

_NOTHING: Final = msgspec.Raw(b"")
_ABSENT: Final = msgspec.Raw(b'""')  # read as "no number", like the empty text that the venue sends


Id = Annotated[int, msgspec.Meta(ge=-1, le=1 << 62)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=1 << 42)]
"""Milliseconds since 1970 UTC, up to the year 2109: as nanoseconds they fit 64 bits."""


class Stream(IntEnum):
    """What a message is."""

    DIFF = 1  # the levels that changed
    SNAPSHOT = 2  # a full book by REST
    TICKER = 3  # best bid and ask
    TRADE = 4
    AGG_TRADE = 5  # trades of one taker order at one price
    MARK = 6  # mark price, index price, funding
    LIQUIDATION = 7
    KLINE = 8


class Force(msgspec.Struct, gc=False):
    """The order of a liquidation: `p` its limit, `ap` its average fill, `z` what was filled."""

    s: str
    S: str
    p: msgspec.Raw = _NOTHING
    ap: msgspec.Raw = _ABSENT
    z: msgspec.Raw = _NOTHING
    T: Millis = 0


class Kline(msgspec.Struct, gc=False):
    """A bar; `x` says that it is closed, `T` is its last millisecond."""

    t: Millis
    T: Millis
    o: msgspec.Raw
    h: msgspec.Raw
    low: msgspec.Raw = msgspec.field(name="l")
    c: msgspec.Raw
    v: msgspec.Raw
    V: msgspec.Raw = _ABSENT
    n: Id = -1
    x: bool = False


class Event(msgspec.Struct, gc=False):
    """Any event; absent keys keep their default."""

    e: str = ""
    E: Millis = 0
    T: Millis = 0
    s: str = ""
    U: Id = 0
    u: Id = 0
    pu: Id = -1
    t: Id = 0
    b: msgspec.Raw = _NOTHING
    a: msgspec.Raw = _NOTHING
    B: msgspec.Raw = _NOTHING
    A: msgspec.Raw = _NOTHING
    p: msgspec.Raw = _NOTHING
    q: msgspec.Raw = _NOTHING
    i: msgspec.Raw = _ABSENT
    r: msgspec.Raw = _ABSENT
    m: bool = False
    X: str = ""
    M: bool | None = None
    o: msgspec.Raw = _NOTHING
    k: msgspec.Raw = _NOTHING


class Wire(msgspec.Struct, gc=False):
    """A line of the combined stream, or a REST snapshot (then `stream` is empty and `snapshot_id` >= 0)."""

    stream: str = ""
    data: Event | list[Event] | None = None
    snapshot_id: Id = msgspec.field(name="lastUpdateId", default=-1)
    bids: msgspec.Raw = _NOTHING
    asks: msgspec.Raw = _NOTHING
    symbol: str = ""
    E: Millis = 0
    T: Millis = 0
    e: str = ""  # set where a single stream was recorded: the event itself stands in the line


_WIRE: Final = msgspec.json.Decoder(Wire)
_EVENT: Final = msgspec.json.Decoder(Event)
_FORCE: Final = msgspec.json.Decoder(Force)
_KLINE: Final = msgspec.json.Decoder(Kline)

decode = _WIRE.decode
"""A wire message. Raises UnicodeDecodeError, msgspec.DecodeError (no JSON), msgspec.ValidationError (other shape)."""
decode_event = _EVENT.decode
"""An event that came without the combined stream's envelope."""
decode_force = _FORCE.decode
decode_kline = _KLINE.decode

_BY_NAME: Final = {
    "bookTicker": Stream.TICKER,
    "trade": Stream.TRADE,
    "aggTrade": Stream.AGG_TRADE,
    "forceOrder": Stream.LIQUIDATION,
}
_BY_EVENT: Final = {
    "depthUpdate": Stream.DIFF,
    "bookTicker": Stream.TICKER,
    "trade": Stream.TRADE,
    "aggTrade": Stream.AGG_TRADE,
    "markPriceUpdate": Stream.MARK,
    "forceOrder": Stream.LIQUIDATION,
    "kline": Stream.KLINE,
}


def stream_of(name: str, event: Event) -> Stream | None:
    """What the stream `name` carries (any speed suffix); None for one that is not read.

    Partial books (`depth5`, `depth20@100ms`) call themselves depthUpdate on futures but are no diffs: the name rules.
    """
    if not name:
        return _BY_EVENT.get(event.e) or (Stream.TICKER if event.u and event.B else None)
    parts = name.split("@")
    what = parts[0][1:] if name.startswith("!") else parts[1] if len(parts) > 1 else ""
    if what.startswith("kline_"):
        return Stream.KLINE
    if what.startswith("markPrice"):
        return Stream.MARK
    return Stream.DIFF if what == "depth" else _BY_NAME.get(what)


def market_of(stream: Stream, raw: str, event: Event) -> str:
    """The market that an event of symbol `raw` must come from; empty where spot and futures look alike."""
    if is_coinm(raw):
        return COINM
    if stream == Stream.DIFF:
        return SPOT if event.pu < 0 else USDM
    if stream == Stream.TICKER:
        return USDM if event.e else SPOT
    if stream in (Stream.TRADE, Stream.AGG_TRADE):
        return SPOT if event.M is not None else USDM
    return USDM if stream in (Stream.MARK, Stream.LIQUIDATION) else ""
