from tickerml.tape.problems import KEEP, Place, Problems


def test_counts_and_first_places():
    problems = Problems()
    for number in range(1, 9):
        problems.add("not-json", "a.gz", number, "no JSON")
    problems.add("book-gap", "a.gz", 3, n=2)
    assert problems.counts == {"book-gap": 2, "not-json": 8}
    assert problems.as_tuple() == (("book-gap", 2), ("not-json", 8))
    assert len(problems.places("not-json")) == KEEP
    assert problems.places("not-json")[0] == Place("a.gz", 1, "no JSON")
    assert problems["not-json"] == 8
    assert problems["nothing"] == 0
    assert len(problems) == 10


def test_nothing_is_no_problem():
    problems = Problems()
    problems.add("not-json", "a.gz", 1, n=0)
    assert not problems
    assert problems.counts == {}


def test_merge_adds_counts_and_keeps_the_first_places():
    one, two = Problems(), Problems()
    one.add("duplicate", "a.gz", 1)
    for number in range(9):
        two.add("duplicate", "b.gz", number)
    two.add("book-gap", "b.gz", 7)
    one.merge(two)
    assert one.counts == {"book-gap": 1, "duplicate": 10}
    assert [p.file for p in one.places("duplicate")] == ["a.gz"] + ["b.gz"] * (KEEP - 1)


def test_a_place_reads_as_file_and_line():
    assert str(Place("a.gz", 7, "U 12")) == "a.gz:7 U 12"
    assert str(Place("a.gz")) == "a.gz"
    assert Place("a.gz", 7, "U 12").where().note == "U 12"
