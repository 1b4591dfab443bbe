"""The bag: identifiers, BagIt text formats and the rules a bag must obey. Pure: no input or output."""
