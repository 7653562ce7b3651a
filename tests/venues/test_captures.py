import json
from decimal import Decimal

import numpy as np
import pytest
from binance_lines import BOOK, T0, diff, enveloped, line, snapshot, ticker, trade, write

from tickerml.tape.block import concat
from tickerml.tape.check import check
from tickerml.tape.errors import InputError
from tickerml.tape.problems import Problems
from tickerml.tape.rows import Flag, Kind
from tickerml.tape.tape import Tape
from tickerml.venues.captures import detect, open_captures

MS = 1_000_000


def rows_of(tape, *, clocks=False):
    rows = concat(list(tape.blocks())).rows
    return rows if clocks else rows[rows["kind"] != Kind.CLOCK]


def opened(tmp_path, *messages, name="btcusdt.dat.gz", **named):
    problems = Problems()
    return open_captures([write(tmp_path / name, messages)], problems=problems, **named), problems


def test_a_session_becomes_rows(tmp_path):
    tape, problems = opened(
        tmp_path,
        snapshot(100, *BOOK),
        diff(101, 102, [("100.1", "0.000")], [("100.15", "0.25")], at=5),
        ticker(102, "100.0", "3.5", "100.15", "0.25"),
        trade(7, "100.15", "0.005", sold=True, at=6),
    )
    assert isinstance(tape, Tape)
    (btc,) = tape.header.instruments
    assert (btc.symbol, btc.venue, btc.tick, btc.lot) == ("BTC/USDT", "binance", Decimal("0.01"), Decimal("0.001"))
    assert tape.header.title == "btcusdt.dat.gz"
    assert "tick 0.01 and lot 0.001" in tape.header.notes[0]
    block = concat(list(tape.blocks()))
    rows = block.rows[block.rows["kind"] != Kind.CLOCK]
    assert rows["kind"].tolist() == [4, 1, 1, 1, 1, 1, 1, 3, 3, 2]
    assert rows["price"].tolist() == [0, 10010, 10000, 10020, 10030, 10010, 10015, 10000, 10015, 10015]
    assert rows["qty"].tolist() == [0, 2000, 3500, 1000, 4000, 0, 250, 3500, 250, 5]
    assert rows["side"].tolist() == [0, 1, 1, -1, -1, 1, -1, 1, -1, -1]
    end, snap = int(Flag.END), int(Flag.SNAPSHOT)
    assert rows["flags"].tolist() == [snap, snap, snap, snap, snap | end, 0, end, 0, end, end]
    assert rows["recv"].tolist() == [(T0 + i) * MS for i in (0, 0, 0, 0, 0, 1, 1, 2, 2, 3)]
    assert rows["exch"].tolist() == [0] * 5 + [(T0 + 5) * MS] * 2 + [0] * 2 + [(T0 + 6) * MS]
    messages = block.messages[rows["ref"][[0, 4, 5, 7]]]
    assert messages.tolist() == [(0, 100, 0), (0, 100, 0), (101, 102, 0), (0, 102, 0)]
    assert rows["ref"][-1] == -1
    assert problems.counts == {}


def test_micro_and_nanoseconds_are_told_apart(tmp_path):
    messages = [snapshot(100, *BOOK), diff(101, 101, [("99.0", "1")])]
    micro = [line(i, m, unit=1000) for i, m in enumerate(messages)]
    assert rows_of(opened(tmp_path, *micro)[0])["recv"].tolist() == [T0 * MS] * 5 + [(T0 + 1) * MS]


@pytest.mark.parametrize("name", ["btcusdt.txt", "btcusdt.gz"])
def test_plain_and_compressed_files_are_alike(tmp_path, name):
    tape, _ = opened(tmp_path, snapshot(100, *BOOK), diff(101, 101, [("99.0", "1")]), name=name)
    assert len(rows_of(tape)) == 6


def test_diffs_before_the_snapshot_come_behind_it(tmp_path):
    tape, problems = opened(
        tmp_path,
        diff(98, 99, [("1.0", "9")]),  # in the snapshot already
        diff(100, 101, [("99.0", "1")], at=1),
        diff(102, 103, [("98.0", "2")], at=2),
        trade(1, "100.1", "1", at=2),
        snapshot(100, *BOOK),
        diff(104, 104, [("97.0", "3")], at=3),
    )
    rows = rows_of(tape)
    assert rows["kind"].tolist() == [2, 4, 1, 1, 1, 1, 1, 1, 1]
    assert rows["price"].tolist()[6:] == [990, 980, 970]
    assert rows["recv"].tolist()[5:] == [(T0 + ms) * MS for ms in (4, 4, 4, 5)]  # unknown until the snapshot came
    assert rows["exch"].tolist()[6:8] == [(T0 + 1) * MS, (T0 + 2) * MS]
    assert problems.counts == {}


def test_lost_updates_leave_a_gap_until_the_next_snapshot(tmp_path):
    tape, problems = opened(
        tmp_path,
        snapshot(100, *BOOK),
        diff(101, 101, [("99.0", "1")]),
        diff(140, 141, [("98.0", "1")]),
        diff(142, 142, [("97.0", "1")]),
        snapshot(141, *BOOK),
        diff(143, 143, [("96.0", "1")]),
    )
    block = concat(list(tape.blocks()))
    rows = block.rows[block.rows["kind"] != Kind.CLOCK]
    assert rows["kind"].tolist() == [4, 1, 1, 1, 1, 1, 8, 4, 1, 1, 1, 1, 1, 1]
    gap = rows[6]
    assert (gap["qty"], gap["flags"], gap["recv"]) == (38, Flag.END, (T0 + 2) * MS)
    assert json.loads(block.blobs[gap["ref"]]) == {"code": "book-gap", "from": 102, "to": 139}
    assert rows["price"].tolist()[-2:] == [970, 960]
    assert problems.counts == {"book-gap": 1}
    place = problems.places("book-gap")[0]
    assert (place.file, place.line) == (str(tmp_path / "btcusdt.dat.gz"), 3)
    assert "102 to 139" in place.note


def test_futures_ids_join_by_the_id_before(tmp_path):
    book = snapshot(500, *BOOK, E=T0, T=T0)
    tape, problems = opened(
        tmp_path,
        book,
        diff(490, 520, [("99.0", "1")], prev=480, speed="@0ms"),
        diff(530, 540, [("98.0", "1")], prev=520, speed="@0ms"),
        diff(570, 580, [("97.0", "1")], prev=555, speed="@0ms"),
    )
    rows = rows_of(tape)
    assert tape.header.instruments[0].symbol == "BTC/USDT:USDT"
    assert rows["kind"].tolist() == [4, 1, 1, 1, 1, 1, 1, 8]
    assert rows["qty"][-1] == 0  # futures ids do not tell how many updates of this book are missing
    assert problems.counts == {"book-gap": 1, "no-snapshot": 1}


def test_coinm_counts_contracts(tmp_path):
    symbol = "BTCUSD_PERP"
    tape, _ = opened(
        tmp_path,
        snapshot(100, [("61804.7", "35")], [("61804.8", "1645")], symbol=symbol, pair="BTCUSD", E=T0, T=T0),
        diff(95, 120, [("61802.0", "8")], prev=90, symbol=symbol),
        trade(3, "61804.8", "2", symbol=symbol, X="MARKET"),
    )
    (btc,) = tape.header.instruments
    assert (btc.symbol, btc.settle, btc.lot, btc.contract_size, btc.inverse) == ("BTC/USD:BTC", "BTC", 1, 100, True)
    assert rows_of(tape)["qty"].tolist() == [0, 35, 1645, 8, 2]


def test_files_of_one_instrument_join_and_others_merge(tmp_path):
    (tmp_path / "spot").mkdir()
    (tmp_path / "usdm").mkdir()
    first = write(tmp_path / "spot" / "a.gz", [line(0, snapshot(100, *BOOK)), line(10, diff(101, 101, [("99", "1")]))])
    second = write(tmp_path / "spot" / "b.gz", [line(20, diff(102, 102, [("98", "1")]))])
    futures = write(
        tmp_path / "usdm" / "c.gz",
        [line(5, trade(1, "100.5", "1", X="MARKET")), line(15, trade(2, "100.6", "1", X="MARKET"))],
    )
    problems = Problems()
    tape = open_captures([futures, second, first], problems=problems)
    assert [i.symbol for i in tape.header.instruments] == ["BTC/USDT:USDT", "BTC/USDT"]
    rows = rows_of(tape)
    assert rows["recv"].tolist() == [(T0 + ms) * MS for ms in (0, 0, 0, 0, 0, 5, 10, 15, 20)]
    assert rows["inst"].tolist() == [1, 1, 1, 1, 1, 0, 1, 0, 1]
    assert problems.counts == {}
    folder = open_captures([tmp_path])
    assert {i.symbol for i in folder.header.instruments} == {"BTC/USDT:USDT", "BTC/USDT"}
    assert len(rows_of(folder)) == len(rows)


def test_a_symbol_that_only_a_folder_can_place(tmp_path):
    (tmp_path / "usdm").mkdir()
    bar = {"t": T0, "T": T0 + 59_999, "o": "1.5", "c": "1.7", "h": "1.8", "l": "1.4", "v": "10.5", "V": "4", "n": 3}
    event = {"e": "kline", "E": T0, "s": "BTCUSDT", "k": bar | {"x": True}}
    lines = [enveloped("btcusdt@kline_1m", event), enveloped("btcusdt@kline_1m", event | {"k": bar | {"x": False}})]
    tape = open_captures([write(tmp_path / "usdm" / "k.txt", lines)])
    block = concat(list(tape.blocks()))
    assert tape.header.instruments[0].venue == "binance-usdm"
    assert block.rows["kind"].tolist() == [Kind.BAR]  # a bar that still changes is no fact
    assert (block.rows["price"][0], block.rows["qty"][0]) == (17, 105)
    assert block.rows["exch"][0] == (T0 + 60_000) * MS
    assert block.bars[0].item() == (T0 * MS, 60_000 * MS, 15, 18, 14, 17, 105, 40, 3, -1)
    named = open_captures([tmp_path / "usdm" / "k.txt"], venue="binance")
    assert named.header.instruments[0].symbol == "BTC/USDT"


def test_mark_price_funding_and_liquidations(tmp_path):
    def mark(at, rate, settles):
        data = {"e": "markPriceUpdate", "E": T0 + at, "s": "BTCUSDT", "p": "11794.15000000", "i": "11784.62659091"}
        return enveloped("btcusdt@markPrice@1s", data | {"P": "11784.2", "r": rate, "T": T0 + settles})

    order = {
        "s": "BTCUSDT",
        "S": "SELL",
        "o": "LIMIT",
        "f": "IOC",
        "q": "0.014",
        "p": "9910",
        "ap": "9910.55",
        "X": "FILLED",
    }
    force = {"e": "forceOrder", "E": T0, "o": order | {"l": "0.014", "z": "0.014", "T": T0 - 3}}
    tape, problems = opened(
        tmp_path,
        mark(0, "0.00010000", 1000),
        mark(500, "-0.00020000", 1000),
        mark(1001, "0.00030000", 9000),
        enveloped("!forceOrder@arr", force),
    )
    block = concat(list(tape.blocks()))
    rows = block.rows[block.rows["kind"] == Kind.VALUE]
    names = [tape.header.names[n] for n in block.values["name"][rows["ref"]]]
    three = ["mark", "index", "funding_predicted"]
    assert names == [*three, *three, "funding", *three, "liquidation"]
    values = block.values["value"][rows["ref"]].tolist()
    assert values[:3] == [11794.15, 11784.62659091, 0.0001]
    assert values[6] == -0.0002  # the last rate before settlement is the one that was paid
    assert rows["exch"][6] == (T0 + 1000) * MS
    assert rows["recv"][6] == (T0 + 2) * MS
    assert values[-1] == 9910.55
    assert (rows["price"][-1], rows["qty"][-1], rows["side"][-1]) == (9910, 14, -1)
    assert tape.header.instruments[0].venue == "binance-usdm"
    assert problems.counts == {}


def test_aggregate_trades_only_where_single_ones_are_missing(tmp_path):
    data = {
        "e": "aggTrade",
        "E": T0,
        "s": "BTCUSDT",
        "a": 5,
        "p": "100.1",
        "q": "2",
        "f": 1,
        "l": 2,
        "T": T0,
        "m": True,
        "M": True,
    }
    both, _ = opened(tmp_path, enveloped("btcusdt@aggTrade", data), trade(1, "100.1", "1"), trade(2, "100.1", "1"))
    assert rows_of(both)["qty"].tolist() == [1, 1]
    alone, _ = opened(tmp_path, enveloped("btcusdt@aggTrade", data), name="alone.gz")
    assert rows_of(alone)[["qty", "side", "kind"]].tolist() == [(2, -1, 2)]


def test_prints_that_are_not_of_the_book_are_left_out(tmp_path):
    tape, problems = opened(
        tmp_path,
        trade(1, "100.1", "1", X="MARKET"),
        trade(2, "100.1", "5", X="INSURANCE_FUND"),
        trade(3, "0", "0", X="NA"),
        trade(4, "100.1", "2", X="MARKET"),
    )
    assert rows_of(tape)["qty"].tolist() == [1, 2]
    assert problems.counts == {}


def test_a_single_stream_without_envelope_and_partial_books(tmp_path):
    bare = diff(101, 101, [("99.0", "1")])["data"]
    partial = enveloped("btcusdt@depth20@100ms", bare)
    tape, problems = opened(tmp_path, snapshot(100, *BOOK), bare, partial, {"result": None, "id": 1})
    assert len(rows_of(tape)) == 6
    assert problems.counts == {"unknown-stream": 1}


def test_passes_are_equal_and_count_problems_once(tmp_path):
    tape, problems = opened(tmp_path, snapshot(100, *BOOK), b"nonsense", diff(101, 101, [("99.0", "1")]))
    first = rows_of(tape, clocks=True)
    assert problems.counts == {"no-receive-time": 1} or problems.counts == {"not-json": 1}
    again = problems.counts
    assert np.array_equal(rows_of(tape, clocks=True), first)
    assert problems.counts == again
    assert tape.header.problems == problems.as_tuple()
    assert tape.content_hash() == tape.content_hash()


def test_large_files_are_read_again_with_the_same_rows(tmp_path, monkeypatch):
    messages = [snapshot(100, *BOOK), *(diff(101 + i, 101 + i, [("99.0", i + 1)], at=i) for i in range(300))]
    kept = opened(tmp_path, *messages)[0].content_hash()
    monkeypatch.setattr("tickerml.venues.captures.KEEP", 0)
    monkeypatch.setattr("tickerml.venues.binance.capture_file._UNIT", 1000)
    assert opened(tmp_path, *messages)[0].content_hash() == kept


def test_clock_rows_stand_before_what_they_are_for(tmp_path):
    lines = [line(i * 10, trade(i + 1, "100.1", "1", at=i * 10 + 1270)) for i in range(20)]
    rows = rows_of(opened(tmp_path, *lines)[0], clocks=True)
    assert rows["kind"].tolist() == [Kind.CLOCK] + [Kind.TRADE] * 20
    clock = rows[0]
    assert (clock["side"], clock["qty"], clock["recv"]) == (Kind.TRADE, -1271 * MS, T0 * MS)
    assert clock["flags"] & Flag.ESTIMATED


def test_detection(tmp_path):
    yes = write(tmp_path / "yes.gz", [b"# a comment", snapshot(1, *BOOK), trade(1, "1", "1")])
    assert detect(yes)
    assert not detect(write(tmp_path / "candles.csv", [b"date,open,high,low,close,volume", b"1,2,3,4,5,6"]))
    hyperliquid = {"channel": "l2Book", "data": {"coin": "BTC", "time": 1, "levels": [[], []]}}
    assert not detect(write(tmp_path / "other.gz", [hyperliquid] * 3))
    with pytest.raises(InputError, match="file-empty"):
        detect(write(tmp_path / "empty", [], end=b""))


def test_check_agrees_with_the_venue(tmp_path):
    tape, _ = opened(
        tmp_path,
        snapshot(100, *BOOK),
        ticker(102, "100.0", "3.5", "100.2", "1.0"),
        diff(101, 102, [("100.1", "0")]),
        ticker(102 + 1, "100.0", "3.5", "100.2", "1.0"),
        diff(103, 104, [("100.0", "9.9")]),
        ticker(104, "100.0", "9.9", "100.2", "1.0"),
    )
    (health,) = check(tape)
    assert (health.compared, health.matched) == (1, 1)
    assert (health.late_compared, health.late_matched) == (1, 1)
