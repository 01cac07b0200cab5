"""Posteriors of the log hazard ratios and the engines that compute them."""
