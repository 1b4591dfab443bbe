"""Server-to-server copy beside our own copy through a worker."""

from __future__ import annotations

WORKER = "our copy through a worker"
