"""The registry: which bag versions exist, where their replicas are, and who works on what."""
