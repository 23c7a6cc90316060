"""The tests; `cases/` is the table that most of them run."""
