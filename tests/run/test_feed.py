"""G1: paper over a socket, row by row: nothing beyond the last received row, and the same run as a backtest."""

from __future__ import annotations

import socket
import threading

import pytest

from small_runs import eager, market, settings
from small_strategies import Churn
from tickerml.run.backtest import backtest
from tickerml.run.feed import FeedTape, connect, serve
from tickerml.run.paper import paper
from tickerml.run.replay import replay
from tickerml.run.setup import bar_only_of
from tickerml.tape.errors import InputError
from tickerml.tape.rows import Kind

CASES = {"psc": ("psc", eager()), "quoter": ("quoter", settings()), "setups": (Churn(), settings())}
ROWS = 5000


def served(tape, chunk, send=serve):
    """A tape on a local socket, `chunk` rows a frame; the address to connect to."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk():
        connection, _ = listener.accept()
        with listener, connection:
            send(tape, connection, bar_only_of(tape), chunk)

    threading.Thread(target=talk, daemon=True).start()
    return f"127.0.0.1:{listener.getsockname()[1]}"


class Counted(FeedTape):
    """A feed that counts the rows it has received, so that a strategy's knowledge can be held against it."""

    received = 0
    newest = 0

    def blocks(self):
        for block in super().blocks():
            Counted.received += len(block)
            Counted.newest = int(block.rows["recv"][-1])
            yield block


@pytest.mark.parametrize("name", list(CASES))
def test_fed_row_by_row_it_decides_as_the_backtest(name, tmp_path):
    strategy, config = CASES[name]
    tape = market("busy", minutes=2, rows=ROWS)
    whole = backtest(strategy, tape, config=config, run_dir=tmp_path / "backtest")
    feed = connect(served(tape, 1))
    feed.__class__ = Counted
    Counted.received = 0
    fed = paper(strategy, feed, config=config, run_dir=tmp_path / "paper")
    assert Counted.received == fed.manifest["rows"] == ROWS
    for key in ("decisions", "decision_hash", "state_hash"):
        assert fed.manifest[key] == whole.manifest[key]
    assert fed.manifest["source"]["embedded"] is True
    assert fed.manifest["source"]["content_hash"] == tape.content_hash()
    for chunk in (7, None):
        answer = replay(fed.path, chunk=chunk)
        assert answer.identical, answer.lines()


def test_no_decision_is_later_than_the_last_row_received(tmp_path, monkeypatch):
    """Each made row is written while no later market row has been received."""
    from tickerml.run import record

    seen = []
    take = record.Recorder.__call__

    def watched(self, block):
        seen.extend((int(at), Counted.newest) for at in block.rows["recv"])
        return take(self, block)

    monkeypatch.setattr(record.Recorder, "__call__", watched)
    feed = connect(served(market("busy", minutes=2, rows=ROWS), 1))
    feed.__class__ = Counted
    paper(Churn(), feed, config=settings(), run_dir=tmp_path / "paper")
    during = seen[: -len(seen) // 50]
    assert len(during) > 50
    assert all(at <= newest for at, newest in during)


def test_a_feed_that_breaks_off_keeps_what_came(tmp_path):
    tape = market("busy", minutes=2, rows=2000)

    def broken(tape, connection, bar_only, chunk):
        class Short:
            header = tape.header

            def blocks(self):
                yield next(iter(tape.blocks()))
                raise ConnectionError

        with pytest.raises(ConnectionError):
            serve(Short(), connection, bar_only, chunk)

    with pytest.raises(InputError, match="broke off"):
        paper("quoter", connect(served(tape, 7, broken)), config=settings(), run_dir=tmp_path / "run")
    from tickerml.run.record import KeptTape

    kept = list(KeptTape(tmp_path / "run", tape.header).blocks())
    assert sum(map(len, kept)) == len(next(iter(tape.blocks())))


def test_a_stranger_is_refused():
    def stranger(tape, connection, bar_only, chunk):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    with pytest.raises(InputError, match="header"):
        connect(served(market("busy", minutes=2, rows=100), 1, stranger))
    with pytest.raises(InputError, match="no feed at"):
        connect("127.0.0.1:1", timeout=0.5)


def test_the_kinds_of_a_fed_run_are_market_rows_and_made_rows(tmp_path):
    from tickerml.run.record import KeptTape, RunTape

    tape = market("busy", minutes=2, rows=1000)
    fed = paper("quoter", connect(served(tape, 7)), config=settings(), run_dir=tmp_path / "paper")
    market_rows = [int(k) for b in KeptTape(fed.path, tape.header).blocks() for k in b.rows["kind"]]
    made_rows = [int(k) for b in RunTape(fed.path, tape.header).blocks() for k in b.rows["kind"]]
    assert len(market_rows) == 1000
    assert max(market_rows) < Kind.INTENT <= min(made_rows)
