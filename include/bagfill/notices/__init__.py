"""Who is told what, and what each was told."""
