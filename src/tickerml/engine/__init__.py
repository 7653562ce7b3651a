"""The one loop: wire.py calls the chosen folds in order, advance.py runs them, states.py saves and restores them."""
