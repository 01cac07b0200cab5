"""The assumed truth of a virtual trial, its event generator and its true values."""
