"""Reports: what the registry knows as rows, and rows as CSV or JSON."""
