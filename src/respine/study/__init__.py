"""A study on disk and how it runs: the only area that knows order, folders and workers."""
