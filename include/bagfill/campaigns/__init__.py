"""Campaigns: a sweep with a scope, a budget and a deadline, kept in the registry's database."""
