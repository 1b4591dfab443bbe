"""One operator for each step."""
