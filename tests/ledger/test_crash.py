"""G3, T4: a projection that ends anywhere, and is called again, gives the tables of one that did not."""

import pickle
import random
import signal
import subprocess
import sys
import time

import pytest
from small_ledgers import hashes, pieces, recorded

from tickerml.ledger.link import link
from tickerml.ledger.place import place
from tickerml.ledger.write import project


class Crash(BaseException):
    """The process is gone: nothing is rolled back by anybody."""


class Crashing:
    """A link that crashes at its n-th write boundary: before the statement, or behind it."""

    def __init__(self, inner, at, *, behind):
        self.inner, self.left, self.behind, self.dead = inner, at, behind, False

    def _do(self, work, *arguments):
        if self.dead:
            raise Crash
        self.left -= 1
        if self.left < 0 and not self.behind:
            self._die()
        found = work(*arguments)
        if self.left < 0:
            self._die()
        return found

    def _die(self):
        self.dead = True
        self.inner.close()  # as the kernel closes it: what was not committed is gone
        raise Crash

    def run(self, statement, values=()):
        return self._do(self.inner.run, statement, values)

    def put(self, table, rows):
        self._do(self.inner.put, table, rows)

    def begin(self):
        self._do(self.inner.begin)

    def commit(self):
        self._do(self.inner.commit)

    def rollback(self):
        pass

    def close(self):
        self.inner.close()


def boundaries(fresh, one, batch):
    """How many statements and commits a whole projection makes."""
    to = fresh()
    counted = Crashing(link(to), 10**9, behind=False)
    project(counted, one.facts, lambda: one.blocks, batch=batch)
    counted.close()
    return 10**9 - counted.left, hashes(to)


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_every_write_boundary_crashes_once_g3_t4(fresh, step, capsys):
    """At each statement and each commit, before and behind it: started again, the tables are those of one pass."""
    one = recorded("setups")
    batch = len(one.whole) // 9
    many, whole = boundaries(fresh, one, batch)
    assert 2 * many >= 200
    to = fresh()
    for behind in (False, True):
        for at in range(0, many, step):
            crashing = Crashing(link(to), at, behind=behind)
            with pytest.raises(Crash):
                project(crashing, one.facts, lambda: one.blocks, batch=batch)
            made = link(to)
            project(made, one.facts, lambda: one.blocks, batch=batch)
            found = made.run("select last_seq from progress where run = ?", (one.facts.run,))
            assert found[0][0] == len(one.whole) - 1
            assert hashes(to) == whole, (at, behind)
            made.close()
            empty(to, one.facts.run)
    with capsys.disabled():
        crashes = 2 * len(range(0, many, step))
        print(f"\nT4 ledger, {'sqlite' if to.file else 'postgresql'}: {crashes} simulated crashes")
        print(f"counts: simulated_crashes={crashes}")


def empty(to, run):
    from tickerml.ledger.link import wipe

    made = link(to)
    made.begin()
    wipe(made, run)
    made.commit()
    made.close()


CHILD = """
import pickle
import sys
from pathlib import Path
from tickerml.ledger.link import link
from tickerml.ledger.place import place
from tickerml.ledger.write import project
facts, blocks = pickle.loads(Path(sys.argv[2]).read_bytes())
print("begun", flush=True)
made = link(place(sys.argv[1]))
project(made, facts, lambda: blocks, batch=int(sys.argv[3]))
print("done", flush=True)
"""


def start(to, rows, batch):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, to.url, str(rows), str(batch)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_points_g3_t4(fresh, times, tmp_path, capsys):
    """kill -9 in the middle, again and again, on the same ledger: what the last one leaves is as of one pass."""
    one, rng = recorded("quoter"), random.Random(times)
    rows, batch = tmp_path / "rows", len(one.whole) // 150
    rows.write_bytes(pickle.dumps((one.facts, pieces(one.whole, range(batch, len(one.whole), batch)))))
    whole = fresh()
    child = start(whole, rows, batch)
    assert child.stdout.readline() == "begun\n"
    began = time.monotonic()
    assert child.communicate()[0] == "done\n"
    longest, expected = time.monotonic() - began, hashes(whole)
    to, killed = fresh(), 0
    while killed < times:
        child = start(to, rows, batch)
        child.stdout.readline()
        time.sleep(rng.uniform(0, longest))
        child.send_signal(signal.SIGKILL)
        out, said = child.communicate()
        if "done" in out:  # it was quicker: from the start again
            assert hashes(to) == expected
            empty(to, one.facts.run)
            continue
        assert child.returncode == -signal.SIGKILL, said
        killed += 1
    child = start(to, rows, batch)
    out, said = child.communicate()
    assert out == "begun\ndone\n", said
    assert hashes(to) == expected
    with capsys.disabled():
        print(f"\nT4 ledger, {'sqlite' if to.file else 'postgresql'}: {times} real kill -9 within {longest:.2f} s")
        print(f"counts: kills_of_a_projection={times}")
    assert place(to.url) == to
