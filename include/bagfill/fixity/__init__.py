"""Fixity: read an object back and compare; write down the evidence."""
