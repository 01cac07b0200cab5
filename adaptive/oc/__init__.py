"""Operating characteristics: from stored trials to estimates with their Monte Carlo error."""
