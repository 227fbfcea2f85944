"""Files to nouns, one format a file."""
