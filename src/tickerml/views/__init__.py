"""What people see: the report page, the summary, the answer to "why did it not trade?", the live table, the notebook.

Every view draws a `Story` (views/story.py), which `read_story` takes from a run's tape; every figure comes from
views/figures.py, so that terminal, page, JSON and notebook print the same value.
"""
