"""The checks: one file, one code, one thing that is tried."""
