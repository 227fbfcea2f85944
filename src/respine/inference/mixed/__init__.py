"""Linear mixed models: formula, design, likelihood, degrees of freedom, contrasts; one idea a file."""
