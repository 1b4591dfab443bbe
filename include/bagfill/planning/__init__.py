"""Planning: limits, shards, block sizes. Pure: snapshots in, plans out."""
