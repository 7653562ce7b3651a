"""What happened: one sequence of facts, and how it is written, read and checked."""
