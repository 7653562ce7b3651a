"""What we would do: one strategy a file, in plain Python; intents.py, wake.py and view.py are their vocabulary."""
