"""Copy one object: in one conditional request, or in blocks that are staged, checked and committed."""
