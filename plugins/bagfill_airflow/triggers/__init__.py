"""Triggers: they run in the triggerer and hold no worker."""
