"""The nouns: stacks, dendrites, warps, tables, settings and errors that every other area speaks in."""
