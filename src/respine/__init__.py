"""respine: from the raw recordings of a longitudinal circuit study to evidence at the level of the animal.

Import what you need from the areas (`respine.io`, `respine.structure`, `respine.study` and so on); importing
the package itself loads nothing heavy and writes nothing.
"""

__version__ = "0.1.0"
