"""The rules of a bag: one rule, one file, one stable code.

``check.check`` applies them all; ``catalogue.RULES`` lists them. To add one, write its file and name it there.
"""
