"""The ledger: what a run did, as tables. A projection of the run's tape: dropped and made again, it is the same.

`project` writes the rows of one run into a database and goes on where it stopped; `Follower` does it beside a run, in
its own thread. SQLite by default, PostgreSQL by URL. docs/ledger.md tells the tables and what is promised.
"""
