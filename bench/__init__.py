"""Timings, taken by pytest-benchmark and grouped so that devices stand side by side.

    python -m pytest bench --benchmark-only                  # every backend that works here
    python -m pytest bench --benchmark-only -k "step and opencl"
    python -m pytest bench/test_training_step.py --benchmark-only --benchmark-json=new.json
    python -m bench.summary new.json                         # the same as a Markdown table
    python -m bench.peers                                    # beside PyTorch, JAX and others
    python -m bench.memory                                   # peaks, and growth over replays
    python -m bench.skip_gram                                # words per second beside gensim

`tasks.py` and `models.py` say what is trained, once for all. `test_training_step.py` times one
training step on each backend, `test_ops.py` the rows of `tests/cases` that say `time_=True`,
forward and backward. A timing ends when the device has computed the result. `results/` keeps
recorded runs with processor, driver and versions; compare figures only with figures of one machine,
and ratios rather than figures.
"""
