"""G3: the ledger of a run that goes on: the run never waits for it, nothing is lost when the database is away."""

import sqlite3
import threading
import time

import pytest
from small_ledgers import hashes, pieces, recorded

from tickerml.ledger import follow
from tickerml.ledger.follow import Follower
from tickerml.ledger.link import link
from tickerml.ledger.place import of_file, place
from tickerml.ledger.write import project


@pytest.fixture(params=["queue", "tape"])
def held(request, monkeypatch):
    """Rows that come while the database is away wait in memory, or are read from the tape when there are too many."""
    monkeypatch.setattr(follow, "EVERY", 0.02)
    monkeypatch.setattr(follow, "BACK_OFF", (0.02, 0.05))
    if request.param == "tape":
        monkeypatch.setattr(follow, "HELD", 150)
    return request.param


class Journalled:
    """A run's rows as they come: on the tape first, then to the ledger."""

    def __init__(self, one):
        self.blocks = pieces(one.whole, range(100, len(one.whole), 100))
        self.tape = []
        self.slowest = 0.0

    def hand_over(self, follower, upto):
        while len(self.tape) < upto:
            self.tape.append(self.blocks[len(self.tape)])
            began = time.thread_time()
            follower.take(self.tape[-1])
            self.slowest = max(self.slowest, time.thread_time() - began)

    def read(self):
        return list(self.tape)


def expected(fresh, one):
    to = fresh()
    made = link(to)
    project(made, one.facts, lambda: one.blocks)
    made.close()
    return hashes(to)


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def test_followed_to_its_end_g3(fresh, held):
    one = recorded("quoter")
    run, said, to = Journalled(one), [], fresh()
    with Follower(to, one.facts, run.read, tell=said.append, first=0.01) as follower:
        run.hand_over(follower, len(run.blocks) // 2)
        time.sleep(0.1)
        run.hand_over(follower, len(run.blocks))
        assert follower.close(one.facts)
    assert said == []
    assert hashes(to) == expected(fresh, one)


def away_and_back(one, to, away, back, fresh):
    """The database goes away in the middle of a run, and comes back; what was said, and the tables at the end."""
    run, said = Journalled(one), []
    third = len(run.blocks) // 3
    with Follower(to, one.facts, run.read, tell=said.append, first=0.01, patience=20) as follower:
        run.hand_over(follower, third)
        until(lambda: follower._writer is not None and follower._writer.written > 0)
        away()
        run.hand_over(follower, 2 * third)
        until(lambda: (follower.said(), said)[1])
        run.hand_over(follower, 2 * third + 3)
        back()
        run.hand_over(follower, len(run.blocks))
        assert follower.close(one.facts)
    assert len(said) == 1, said
    assert run.slowest < 0.25  # CPU: to hand over never waits
    assert hashes(to) == expected(fresh, one)
    return said[0]


def test_a_locked_file_g3(tmp_path, held, monkeypatch):
    """Really locked by another connection: one warning, the run goes on, all is there in the end."""
    from tickerml.ledger import link as links

    monkeypatch.setattr(links, "BUSY", 0.05)
    to, numbers = of_file(tmp_path / "ledger.sqlite"), iter(range(9))
    other = sqlite3.connect(tmp_path / "other.sqlite", check_same_thread=False)

    def away():
        nonlocal other
        other = sqlite3.connect(to.file, isolation_level=None)
        until(lambda: locked(other))

    told = away_and_back(
        recorded("quoter"),
        to,
        away,
        lambda: other.execute("rollback"),
        lambda: of_file(tmp_path / f"{next(numbers)}.db"),
    )
    assert told.code == "ledger-locked"
    assert "the run goes on" in told.means
    assert told.try_ == "tickerml ledger rebuild 0a1b2c"


def locked(other):
    try:
        other.execute("begin exclusive")
    except sqlite3.OperationalError:
        return False
    return True


def test_a_server_that_stops_and_starts_g3(tmp_path, held, server):
    numbers = iter(range(9))
    import psycopg

    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"create database stopped_{held}")
    to = place(f"{server.url.rpartition('/')[0]}/stopped_{held}")
    told = away_and_back(
        recorded("quoter"), to, server.stop, server.start, lambda: of_file(tmp_path / f"{next(numbers)}.db")
    )
    assert told.code == "ledger-gone"
    assert "s3cret" not in str(told) + told.means + told.try_
    assert "********" in told.message


def test_a_database_that_stays_away_g3(tmp_path, monkeypatch):
    """The run ends without it, says what is missing and how to get it; later it is there."""
    monkeypatch.setattr(follow, "BACK_OFF", (0.02, 0.05))
    one = recorded("quoter")
    folder = tmp_path / "file"
    folder.write_text("where a folder is needed")
    run, said = Journalled(one), []
    with Follower(of_file(folder / "x.sqlite"), one.facts, run.read, tell=said.append, first=0.01, patience=0.3) as f:
        run.hand_over(f, len(run.blocks))
        began = time.monotonic()
        assert not f.close(one.facts)
        assert time.monotonic() - began < 5
    assert [e.code for e in said] == ["ledger-gone", "ledger-behind"]
    assert all(e.means and e.try_ for e in said)
    folder.unlink()
    made = link(of_file(folder / "x.sqlite"))
    project(made, one.facts, run.read)
    made.close()
    until(lambda: "ledger" not in {t.name for t in threading.enumerate()})


def test_a_run_that_is_broken_off_g3(fresh):
    """What the ledger holds beyond the rows computed again is not taken away."""
    one = recorded("quoter")
    to, run = fresh(), Journalled(one)
    made = link(to)
    project(made, one.facts, lambda: one.blocks)
    made.close()
    whole = hashes(to)
    with Follower(to, one.facts, run.read, tell=pytest.fail, first=0.01) as follower:
        run.hand_over(follower, 5)
    assert hashes(to) == whole


def test_what_the_ledger_shows_is_synced_first(fresh):
    one, calls = recorded("quoter"), []
    run, to = Journalled(one), fresh()
    with Follower(to, one.facts, run.read, tell=pytest.fail, settle=lambda: calls.append(1), first=0.01) as follower:
        run.hand_over(follower, len(run.blocks))
        follower.close(one.facts)
    assert calls


def test_another_program_removes_the_run_while_it_is_followed_g3(fresh, held):
    """`ledger rebuild` of a run that goes on: both write, and the tables are right."""
    one = recorded("quoter")
    to, run = fresh(), Journalled(one)
    half = len(run.blocks) // 2
    with Follower(to, one.facts, run.read, tell=pytest.fail, first=0.01) as follower:
        run.hand_over(follower, half)
        until(lambda: follower._writer is not None and follower._writer.written > 0)
        made = link(to)
        made.begin()
        from tickerml.ledger.link import wipe

        wipe(made, one.facts.run)
        made.commit()
        made.close()
        run.hand_over(follower, len(run.blocks))
        assert follower.close(one.facts)
    assert hashes(to) == expected(fresh, one)
