"""Writes a raw recorder file in hftbacktest's format, with the venue times that our own simulated venue uses.

    python benchmarks/peers/raw_npz.py RAW... --out OUT.npz [--symbol BTC/USDT:USDT] [--bound-ms 10000]

Receiver clocks are skewed (one real sample by 1.3 s), so `exch_ts` is the corrected stamp of tape/venue_time.py: the
same for both engines. Events are given twice where the two orders differ, as hftbacktest wants it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from tickerml.tape.block import Block, concat
from tickerml.tape.importers.hftbacktest_write import in_both_orders, to_events
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import MILLISECOND, Kind
from tickerml.tape.tape import Tape
from tickerml.tape.venue_time import VenueFeed
from tickerml.venues.captures import open_captures

KINDS = [Kind.DEPTH, Kind.TRADE, Kind.CLEAR, Kind.GAP, Kind.CLOCK]


def venue_times(block: Block, instruments: int, bound: int) -> np.ndarray:
    """Corrected venue time of each row, ns in the receiver's clock; 0 for rows that the venue does not see."""
    rows = block.rows.copy()
    rows["ref"] = np.arange(len(rows))  # survives the sorting
    feed = VenueFeed(instruments, bound)
    feed.push(Block(rows[np.isin(rows["kind"], KINDS)]))
    held = feed.rows[feed.start : feed.stop]
    times = np.zeros(len(rows), np.int64)
    times[held["ref"]] = held["exch"]
    return times


def events_of(tape: Tape, instrument: Instrument, bound: int) -> np.ndarray:
    """The instrument's events in both orders."""
    block = concat(list(tape.blocks()))
    times = venue_times(block, len(tape.header.instruments), bound)
    return in_both_orders(to_events(block, instrument, exch=times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("raw", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--symbol", default="")
    parser.add_argument("--bound-ms", type=int, default=10_000)
    args = parser.parse_args()
    tape = open_captures(args.raw)
    instrument = next(i for i in tape.header.instruments if args.symbol in ("", i.symbol))
    events = events_of(tape, instrument, args.bound_ms * MILLISECOND)
    np.savez(args.out, data=events)
    late = (events["local_ts"] - events["exch_ts"]) / 1e6
    print(f"{len(events)} events, feed latency {np.median(late):.2f} ms (median), {late.min():.2f} to {late.max():.2f}")


if __name__ == "__main__":
    main()
