"""The storage manifest: model, stored JSON, and the one change Bagfill makes to it. Pure: no input or output."""
