"""``bagfill doctor``: what each identity must be able to do, and must not, tried out."""
