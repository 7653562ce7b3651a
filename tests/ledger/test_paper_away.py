"""G3: paper while its database is locked, removed, stopped or read-only: it goes on, says so once, and catches up.

At the end the run has the decisions of one that was left alone, and its tables are those that its tape gives.
"""

from __future__ import annotations

import subprocess
import sys
import time

import psycopg
import pytest
from small_ledgers import hashes

from killing import case
from read_only import read_only_folder
from small_runs import market
from tickerml.ledger import follow
from tickerml.ledger import link as links
from tickerml.ledger.place import FILE, of_file, place
from tickerml.run.backtest import backtest
from tickerml.run.ledger import rebuild
from tickerml.run.paper import paper
from tickerml.run.record import read_manifest

MINUTES = 4
AWAY, BACK = 150, 300  # made rows of the run, after which the database goes and comes back
LOCK = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
held.execute("begin exclusive")
print("locked", flush=True)
sys.stdin.readline()
held.execute("rollback")
held.close()
"""


@pytest.fixture(scope="module")
def alone():
    """The same run without a ledger."""
    strategy, config = case("setups", ledger={"enabled": False})

    def made(folder):
        return backtest(strategy, market("busy", minutes=MINUTES), config=config, run_dir=folder).manifest

    return made


@pytest.fixture
def quick(monkeypatch):
    """A follower that writes often and does not wait long."""
    monkeypatch.setattr(follow, "EVERY", 0.02)
    monkeypatch.setattr(follow, "BACK_OFF", (0.02, 0.1))
    monkeypatch.setattr(links, "BUSY", 0.05)
    monkeypatch.setitem(follow.Follower.__init__.__kwdefaults__, "first", 0.02)
    monkeypatch.setitem(follow.Follower.__init__.__kwdefaults__, "patience", 30.0)


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def live(monkeypatch, url, folder, away, back):
    """A paper run in whose middle the database goes away and comes back; what was said, by code."""
    seen, events = [0], [(AWAY, "away"), (BACK, "back")]
    take = follow.Follower.take

    def heard(follower, block):
        take(follower, block)
        seen[0] += len(block)
        while events and seen[0] >= events[0][0]:
            _, what = events.pop(0)
            if what == "away":
                until(lambda: follower._writer is not None and follower._writer.written > 0)
                away()
            else:
                until(lambda: (follower.said(), follower._warned)[1])
                back()

    monkeypatch.setattr(follow.Follower, "take", heard)
    strategy, config = case("setups", ledger={"url": url})
    made = paper(strategy, market("busy", minutes=MINUTES), config=config, run_dir=folder)
    assert not events, "the run was over before"
    return made.manifest


def checked(manifest, whole, folder, to, caplog, code):
    """The run is the one that was left alone, one warning was given, and the tables are what the tape says."""
    for key in ("decisions", "decision_hash", "state_hash", "counts"):
        assert manifest[key] == whole[key]
    assert [r.message.split(":")[0] for r in caplog.records if r.name == "tickerml.ledger"] == [code]
    beside = hashes(to)
    assert beside["fills"][0] == manifest["counts"]["fill"] > 0
    assert beside["progress"][0] == 1
    assert rebuild([folder], lambda _: to)[0]["as_before"] is True
    assert hashes(to) == beside


def test_a_file_that_another_process_locks_g3(tmp_path, alone, quick, monkeypatch, caplog):
    to, other = of_file(tmp_path / FILE), []

    def away():
        held = subprocess.Popen(
            [sys.executable, "-c", LOCK, str(to.file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert held.stdout.readline() == "locked\n"
        other.append(held)

    def back():
        other[0].communicate("\n")

    manifest = live(monkeypatch, to.url, tmp_path / "run", away, back)
    checked(manifest, alone(tmp_path / "alone"), tmp_path / "run", to, caplog, "ledger-locked")


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is open cannot be removed there")
@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
def test_a_file_that_is_removed_g3(tmp_path, alone, quick, monkeypatch, caplog, replaced):
    """The connection would go on writing into a file without a name, which nobody would ever see again."""
    to = of_file(tmp_path / "ledgers" / FILE)

    def away():
        to.file.unlink()
        if replaced:
            to.file.touch()

    manifest = live(monkeypatch, to.url, tmp_path / "run", away, lambda: None)
    checked(manifest, alone(tmp_path / "alone"), tmp_path / "run", to, caplog, "ledger-gone")


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is open cannot be removed there")
def test_a_file_that_is_removed_after_its_last_row_g3(tmp_path, alone, quick, monkeypatch, caplog):
    """There is nothing left to write but that the run has ended: all of it is written again."""
    to = of_file(tmp_path / "ledgers" / FILE)
    close = follow.Follower.close

    def late(follower, facts=None):
        until(lambda: follower._writer is not None and follower._writer.written == follower._next)
        to.file.unlink()
        return close(follower, facts)

    monkeypatch.setattr(follow.Follower, "close", late)
    strategy, config = case("setups", ledger={"url": to.url})
    made = paper(strategy, market("busy", minutes=MINUTES), config=config, run_dir=tmp_path / "run")
    checked(made.manifest, alone(tmp_path / "alone"), tmp_path / "run", to, caplog, "ledger-gone")


def test_a_folder_that_is_read_only_g3(tmp_path, alone, quick, monkeypatch, caplog):
    """From the start to the end: the run is whole, and says how its tables are made later."""
    monkeypatch.setitem(follow.Follower.__init__.__kwdefaults__, "patience", 0.3)
    with read_only_folder() as folder:
        strategy, config = case("setups", ledger={"url": of_file(folder / FILE).url})
        made = paper(strategy, market("busy", minutes=MINUTES), config=config, run_dir=tmp_path / "run")
        assert list(folder.iterdir()) == []
    codes = [r.message.split(":")[0] for r in caplog.records if r.name == "tickerml.ledger"]
    assert codes == ["ledger-gone", "ledger-behind"]
    assert made.manifest["decision_hash"] == alone(tmp_path / "alone")["decision_hash"]
    to = of_file(tmp_path / FILE)
    assert rebuild([tmp_path / "run"], lambda _: to)[0]["rows"] == sum(made.manifest["counts"].values())
    assert hashes(to)["fills"][0] == read_manifest(tmp_path / "run")["counts"]["fill"]


def test_a_server_that_is_stopped_and_started_g3(tmp_path, alone, quick, monkeypatch, caplog, server):
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("create database paper_stopped")
    to = place(f"{server.url.rpartition('/')[0]}/paper_stopped")
    manifest = live(monkeypatch, to.url, tmp_path / "run", server.stop, server.start)
    checked(manifest, alone(tmp_path / "alone"), tmp_path / "run", to, caplog, "ledger-gone")
