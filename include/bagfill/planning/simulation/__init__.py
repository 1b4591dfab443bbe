"""Campaigns on a virtual clock: the planning code that real ones use, and a world that is not kind. Pure."""
