"""What was measured of shards and thaws, for the next forecast."""
