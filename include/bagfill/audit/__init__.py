"""Audit: which replicas to look at again, what a look can prove, and what was found."""
