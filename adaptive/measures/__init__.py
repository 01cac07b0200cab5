"""Measures that need more of a look than posterior probabilities of one hazard ratio below a margin."""
