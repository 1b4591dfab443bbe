"""Copy one object: small ones in one conditional request, large ones in blocks that are staged, checked and committed."""
