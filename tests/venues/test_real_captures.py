"""Recorded sessions: the books that we rebuild agree with every best bid and ask that the venue sent."""

import pytest

from tickerml.tape.block import concat
from tickerml.tape.check import check
from tickerml.tape.problems import Problems
from tickerml.tape.rows import Flag, Kind
from tickerml.venues.captures import detect, open_captures

pytestmark = pytest.mark.real
RAW = "l2/binance_raw_20240808"
SESSIONS = {  # files, venue and symbol, then compared before and after the depth update, rows
    "nexo": (["l2/binance_spot_nexousdt/*.gz"], "binance", "NEXO/USDT", 12_118, 80),
    "usdm-btc": ([f"{RAW}/usdm/btc*.gz"], "binance-usdm", "BTC/USDT:USDT", 503, 126),
    "usdm-eth": ([f"{RAW}/usdm/eth*.gz"], "binance-usdm", "ETH/USDT:USDT", 471, 80),
    "coinm-btc": ([f"{RAW}/cm/btc*.gz"], "binance-coinm", "BTC/USD:BTC", 1_885, 0),
    "coinm-eth": ([f"{RAW}/cm/eth*.gz"], "binance-coinm", "ETH/USD:ETH", 2_278, 0),
    "spot-btc": ([f"{RAW}/spot/btc*.gz"], "binance", "BTC/USDT", 1_072, 0),
    "spot-eth": ([f"{RAW}/spot/eth*.gz"], "binance", "ETH/USDT", 1_056, 0),
}
GRIDS = {  # spot lots are 0.00001 and 0.0001, but ten old resting orders have finer sizes, and none is rounded
    "BTC/USDT": ("0.01", "0.000001"),
    "ETH/USDT": ("0.01", "0.00001"),
    "BTC/USDT:USDT": ("0.1", "0.001"),
    "ETH/USDT:USDT": ("0.01", "0.001"),
    "BTC/USD:BTC": ("0.1", "1"),
    "ETH/USD:ETH": ("0.01", "1"),
}


@pytest.mark.parametrize("session", SESSIONS)
def test_books_agree_with_the_venue(real_data, session):
    patterns, venue, symbol, before, after = SESSIONS[session]
    paths = sorted(path for pattern in patterns for path in real_data.glob(pattern))
    problems = Problems()
    tape = open_captures(paths, problems=problems)
    (health,) = check(tape)
    assert (health.venue, health.symbol) == (venue, symbol)
    assert (health.compared, health.matched) == (before, before)
    assert (health.late_compared, health.late_matched) == (after, after)
    assert (health.gaps, health.crossed, health.duplicates, health.backwards) == (0, 0, 0, 0)
    assert problems.counts == {}


def test_all_markets_of_a_folder_merge_into_one_tape(real_data):
    tape = open_captures([real_data / RAW])
    assert {i.symbol: (str(i.tick), str(i.lot)) for i in tape.header.instruments} == GRIDS
    newest = rows = 0
    for block in tape.blocks():
        assert (block.rows["recv"][1:] >= block.rows["recv"][:-1]).all()
        assert block.rows["recv"][0] >= newest
        newest, rows = block.rows["recv"][-1], rows + len(block)
    assert rows > 3_000_000
    health = check(tape)
    assert (
        sum(h.compared for h in health) == sum(h.matched for h in health) == 503 + 471 + 1_885 + 2_278 + 1_072 + 1_056
    )


def test_a_truncated_real_file_keeps_what_came_before(real_data, tmp_path):
    (source,) = real_data.glob(f"{RAW}/usdm/btc*.gz")
    path = tmp_path / "cut.gz"
    path.write_bytes(source.read_bytes()[:1_000_000])
    problems = Problems()
    rows = concat(list(open_captures([path], problems=problems).blocks())).rows
    assert problems.counts == {"file-truncated": 1}
    assert rows["kind"][-1] == Kind.GAP
    whole = concat(list(open_captures([source]).blocks())).rows
    market = rows[rows["kind"] != Kind.CLOCK][:-1]
    assert (market == whole[whole["kind"] != Kind.CLOCK][: len(market)]).all()


def test_corrected_stamps_never_lie_after_their_receipt(real_data):
    for session in ("nexo", "usdm-btc", "spot-eth"):
        tape = open_captures(sorted(real_data.glob(SESSIONS[session][0][0])))
        offsets = {}
        for block in tape.blocks():
            rows = block.rows
            for start, stop in _between_clocks(rows):
                part = rows[start:stop]
                for key in {(int(i), int(k)) for i, k in zip(part["inst"], part["kind"], strict=True)}:
                    mine = part[(part["inst"] == key[0]) & (part["kind"] == key[1]) & (part["exch"] != 0)]
                    mine = mine[(mine["flags"] & Flag.SNAPSHOT) == 0]
                    assert (mine["exch"] + offsets.get(key, 0) <= mine["recv"]).all() or not len(mine)
                if stop < len(rows):
                    offsets[int(rows["inst"][stop]), int(rows["side"][stop])] = int(rows["qty"][stop])


def _between_clocks(rows):
    marks = (rows["kind"] == Kind.CLOCK).nonzero()[0].tolist()
    starts = [0, *(m + 1 for m in marks)]
    return zip(starts, [*marks, len(rows)], strict=True)


def test_only_recorder_files_are_detected(real_data):
    for path in [*real_data.glob(f"{RAW}/*/*.gz"), *real_data.glob("l2/binance_spot_nexousdt/*")]:
        assert detect(path), path
    others = ["l2/hyperliquid_btc_20250126/*", "l2/ws_captures/BIN*", "trades/*.csv", "l2/exchange_archive_formats/*"]
    for path in [p for pattern in others for p in real_data.glob(pattern)]:
        assert not detect(path), path
