"""T2: power cuts at every operation of random runs on a simulated disk, honest and lying.

After each cut the journal must open, hold every row that was synced, and nothing but a prefix of what was appended.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from journal_blocks import FOLDER, SMALL, Clock, PlainEncoder, block, contents, sim_host
from sim_disk import PowerCut, SimDisk, SimFile

from tickerml.tape.errors import JournalError
from tickerml.tape.journal import Journal, Recovery, Sync, Verdict, archive, verify

PLAIN = PlainEncoder()
IMAGES = 10  # disks found after one cut: other subsets of what was not synced


class Life:
    """A run of the journal that remembers what it was promised."""

    def __init__(self, seed: int, *, steps: int = 45) -> None:
        self.rng = random.Random(seed)
        self.disk = SimDisk(unit=self.rng.choice((512, 4096)), seed=seed)
        self.clock, self.salts = Clock(), itertools.count(seed)
        self.steps = steps
        self.appended: list[tuple[int, bytes]] = []
        self.synced = 0  # highest sequence that we were told is durable
        self.made = False
        self.journal: Journal | None = None

    def host(self, disk: SimDisk | None = None):
        return sim_host(disk or self.disk, self.clock, next(self.salts))

    def run(self) -> None:
        self.journal = Journal.create(FOLDER, "run", segment_bytes=SMALL, host=self.host())
        self.made = True
        for step in range(self.steps):
            self.step(step)
            self.synced = max(self.synced, self.journal.durable)
        self.journal.close()
        self.synced = self.journal.durable

    def step(self, number: int) -> None:
        choice = self.rng.random()
        if choice < 0.75:
            one = block(number, rows=self.rng.choice((None, 1, 7, 30)))
            entry = (self.journal.next_seq, one.to_bytes())
            self.appended.append(entry)  # before the call: a cut inside may leave it on the disk
            assert self.journal.append(one, self.rng.choice(list(Sync))) == entry[0]
        elif choice < 0.82:
            self.journal.sync()
        elif choice < 0.93:
            self.clock.now += self.rng.choice((0.001, 0.02, 0.1, 2))
            self.journal.tick()
        elif choice < 0.97:
            archive(FOLDER, snapshot=self.synced, encoder=PLAIN, host=self.host())
        else:
            if choice < 0.985:
                self.journal.close()
            self.disk.kill()
            self.journal, recovery = Journal.open(FOLDER, segment_bytes=SMALL, host=self.host())
            assert contents(self.disk, encoder=PLAIN) == self.appended
            assert recovery.verdict is Verdict.SOUND

    def cut(self, at: int) -> bool:
        """Run until operation `at`; False when the run ends before."""

        def before(op: str, path: object) -> None:
            if self.disk.count >= at:
                raise PowerCut

        self.disk.before = before
        try:
            self.run()
        except PowerCut:
            return True
        return False


def survive(life: Life, image: SimDisk) -> str:
    """Open what the power cut left and compare it with what was promised."""
    try:
        journal, recovery = Journal.open(FOLDER, segment_bytes=SMALL, host=life.host(image))
    except JournalError as error:
        if error.code == "journal-missing" and not life.made:
            return "not made yet"
        raise
    found = contents(image, encoder=PLAIN)
    assert found == life.appended[: len(found)]
    assert kept(recovery) >= life.synced
    journal.close()
    assert verify(FOLDER, disk=image, encoder=PLAIN).verdict is not Verdict.DAMAGED
    return "closed" if recovery.closed else recovery.verdict.name


def kept(recovery: Recovery) -> int:
    """Highest sequence that was there before this recovery added its own row."""
    return (recovery.seq or recovery.next_seq) - 1


def power_cuts(total: int, seed: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    for number in itertools.count(seed):
        probe = Life(number)
        probe.run()
        for cut in random.Random(number).sample(range(1, probe.disk.count), 20):
            life = Life(number)
            assert life.cut(cut)
            for image in range(IMAGES):
                counts[survive(life, life.disk.after_power_cut(cut * IMAGES + image))] += 1
            if counts.total() >= total:
                return counts
    return counts


def test_power_cuts_lose_nothing_synced(capsys):
    counts = power_cuts(1_500, seed=1)
    with capsys.disabled():
        print(f"\nT2 share: {counts.total()} cuts, {dict(counts)}; synced rows lost: 0, false refusals: 0")
    assert counts["TORN"] > 100
    assert counts["SOUND"] > 100


@pytest.mark.slow
@pytest.mark.parametrize("share", range(4))
def test_power_cuts_lose_nothing_synced_in_40000(share, capsys):
    counts = power_cuts(10_000, seed=100 + 50 * share)  # 50 seeds make 10,000
    with capsys.disabled():
        print(
            f"\nT2 share {share}: {counts.total()} power cuts, {dict(counts)}; synced rows lost: 0, false refusals: 0"
        )
    assert counts.total() == 10_000
    assert counts["TORN"] > 500
    assert counts["SOUND"] > 1000


def power_goes_in_recovery(seed: int) -> Counter[str]:
    """The power goes once in the run, and again at every operation of the recovery."""
    counts: Counter[str] = Counter()
    life = Life(seed)
    assert life.cut(life.rng.randint(60, 110))
    first = life.disk.after_power_cut(seed)
    for at in itertools.count(1):
        image = first.after_power_cut(seed)

        def before(op: str, path: object, image: SimDisk = image, at: int = at) -> None:
            if image.count >= at:
                raise PowerCut

        image.before = before
        try:
            Journal.open(FOLDER, segment_bytes=SMALL, host=life.host(image))
        except PowerCut:
            counts[survive(life, image.after_power_cut(at))] += 1
        else:
            break
    return counts


def test_power_goes_again_during_recovery(capsys):
    counts: Counter[str] = Counter()
    for seed in range(12):
        counts += power_goes_in_recovery(seed)
    with capsys.disabled():
        print(f"\nT2 recovery cut short: {counts.total()} times, {dict(counts)}")
    assert counts.total() > 100


def lying_disks(total: int, seed: int) -> Counter[str]:
    """A sync forgets one unit of the journal. Never a wrong row; refused whenever a later record proves the loss."""
    counts: Counter[str] = Counter()
    for number in itertools.count(seed):
        life = Life(number, steps=30)
        lied: list[int] = []
        rng = random.Random(number)
        when = rng.randint(4, 20)

        def lie(file: SimFile, lied: list[int] = lied, rng: random.Random = rng, when: int = when) -> set[int]:
            lied.append(0)
            data = [unit for unit in file.versions if unit * 512 >= 4096]
            return {rng.choice(data)} if len(lied) == when and data else set()

        life.disk.unit, life.disk.lie = 512, lie
        life.cut(rng.randint(60, 200))
        image = life.disk.after_power_cut(number)
        counts[outcome(life, image)] += 1
        if counts.total() >= total:
            return counts
    return counts


def outcome(life: Life, image: SimDisk) -> str:
    try:
        _, recovery = Journal.open(FOLDER, segment_bytes=SMALL, host=life.host(image))
    except JournalError as error:
        if error.code not in {"journal-damaged", "journal-missing"}:
            raise
        return error.code
    found = contents(image, encoder=PLAIN)
    assert found == life.appended[: len(found)]
    assert kept(recovery) >= recovery.proven  # what any surviving record proves is never dropped
    return "all there" if kept(recovery) >= life.synced else "lost behind the last proof"


@pytest.mark.parametrize("total", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_disk_that_lies_is_caught_wherever_proof_survives(total, capsys):
    counts = lying_disks(total, seed=5)
    with capsys.disabled():
        print(f"\nT2 lying disk: {counts.total()} runs, {dict(counts)}")
    assert counts["journal-damaged"] > counts["lost behind the last proof"] > 0
