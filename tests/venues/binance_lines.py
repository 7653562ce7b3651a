"""Recorder lines as Binance and its recorders write them, for tests."""

import gzip
import json
from pathlib import Path

T0 = 1_723_161_255_000  # ms


def line(ms, payload, *, unit=1_000_000):
    """One line, received `ms` after T0; `unit` 1000 writes us, 1,000,000 ns."""
    return f"{round((T0 + ms) * unit)} {json.dumps(payload, separators=(',', ':'))}".encode()


def enveloped(stream, data):
    return {"stream": stream, "data": data}


def levels(pairs):
    return [[str(p), str(q)] for p, q in pairs]


def diff(first, last, bids=(), asks=(), *, at=0, prev=None, symbol="BTCUSDT", speed="@100ms"):
    data = {"e": "depthUpdate", "E": T0 + at, "s": symbol, "U": first, "u": last}
    if prev is not None:
        data |= {"T": T0 + at - 1, "pu": prev}
    return enveloped(f"{symbol.lower()}@depth{speed}", data | {"b": levels(bids), "a": levels(asks)})


def snapshot(last, bids=(), asks=(), **more):
    return {"lastUpdateId": last, "bids": levels(bids), "asks": levels(asks), **more}


def ticker(last, bid, bid_qty, ask, ask_qty, *, at=None, symbol="BTCUSDT"):
    data = {"u": last, "s": symbol, "b": str(bid), "B": str(bid_qty), "a": str(ask), "A": str(ask_qty)}
    if at is not None:
        data |= {"e": "bookTicker", "T": T0 + at, "E": T0 + at + 1}
    return enveloped(f"{symbol.lower()}@bookTicker", data)


def trade(number, price, qty, *, sold=False, at=0, symbol="BTCUSDT", **more):
    data = {"e": "trade", "E": T0 + at, "T": T0 + at, "s": symbol, "t": number, "p": str(price), "q": str(qty)}
    return enveloped(f"{symbol.lower()}@trade", data | {"m": sold, **(more or {"M": True})})


def write(path: Path, lines, *, end=b"\n"):
    text = b"\n".join(one if isinstance(one, bytes) else line(i, one) for i, one in enumerate(lines)) + end
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
    return path


BOOK = ([("100.1", "2.000"), ("100.0", "3.5")], [("100.2", "1.0"), ("100.3", "4.0")])
"""Bids and asks of a small book."""
