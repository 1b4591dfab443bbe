"""Checksum algorithms, digests and the single-pass digester. Pure: no input or output."""
