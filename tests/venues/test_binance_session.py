import pytest

from tickerml.venues.binance.session import BookSync, Verdict

APPLY, HOLD, STALE, DUPLICATE, GAP = Verdict
SPOT = -1  # spot sends no `pu`


def synced(last=100):
    sync = BookSync()
    assert sync.snapshot(last)
    return sync


def test_diffs_before_the_snapshot_are_held():
    assert BookSync().diff(1, 2, SPOT, 0) == HOLD


@pytest.mark.parametrize(
    ("first", "last", "verdict"),
    [
        (90, 99, STALE),  # u < lastUpdateId
        (95, 100, STALE),  # u = lastUpdateId: all of it is in the snapshot
        (95, 105, APPLY),  # U <= lastUpdateId + 1 <= u
        (101, 101, APPLY),
        (102, 105, GAP),  # 101 is missing
    ],
)
def test_first_spot_diff_after_a_snapshot(first, last, verdict):
    assert synced(100).diff(first, last, SPOT, 1) == verdict


@pytest.mark.parametrize(
    ("first", "last", "prev", "verdict"),
    [
        (80, 99, 79, STALE),
        (95, 120, 90, APPLY),  # U <= lastUpdateId <= u
        (110, 120, 100, APPLY),  # pu = lastUpdateId
        (110, 120, 98, APPLY),  # the snapshot lies between pu and U
        (110, 120, 104, GAP),
    ],
)
def test_first_futures_diff_after_a_snapshot(first, last, prev, verdict):
    assert synced(100).diff(first, last, prev, 1) == verdict


def test_spot_ids_must_join():
    sync = synced(100)
    assert [sync.diff(101, 103, SPOT, 1), sync.diff(104, 104, SPOT, 2)] == [APPLY, APPLY]
    assert sync.diff(104, 104, SPOT, 2) == DUPLICATE
    assert sync.diff(103, 106, SPOT, 3) == APPLY  # overlaps, as after a reconnection
    assert sync.diff(110, 111, SPOT, 4) == GAP
    assert sync.lost == (107, 109)
    assert sync.diff(112, 112, SPOT, 5) == HOLD


def test_futures_ids_join_by_pu():
    sync = synced(100)
    assert sync.diff(150, 190, 100, 1) == APPLY
    assert sync.diff(200, 230, 190, 2) == APPLY
    assert sync.diff(300, 330, 260, 3) == GAP


def test_ids_that_start_anew_are_no_duplicates():
    sync = synced(1000)
    assert sync.diff(1001, 1002, SPOT, 50) == APPLY
    sync.base = 0
    assert sync.diff(5, 6, SPOT, 60) == GAP


def test_a_snapshot_behind_the_book_is_not_used():
    sync = synced(100)
    sync.diff(101, 120, SPOT, 1)
    assert not sync.snapshot(110)
    assert sync.last == 120
    assert sync.snapshot(130)  # ahead of the stream: after a reconnection, say
    assert sync.diff(121, 130, SPOT, 2) == STALE
    assert sync.diff(131, 131, SPOT, 2) == APPLY


def test_a_snapshot_too_old_for_the_held_diffs_is_not_used():
    sync = BookSync()
    assert not sync.snapshot(100, held=104)
    assert sync.snapshot(104, held=104)


def test_what_is_lost_needs_a_snapshot():
    sync = synced(100)
    sync.lose()
    assert sync.diff(101, 101, SPOT, 1) == HOLD
    assert sync.snapshot(101)
    assert sync.diff(102, 102, SPOT, 2) == APPLY


def test_a_copy_is_apart():
    sync = synced(100)
    other = sync.copy()
    other.lose()
    assert sync.synced
