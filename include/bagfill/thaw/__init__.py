"""Thaw: which objects must be made readable first, asking for it, and knowing when it is done."""
