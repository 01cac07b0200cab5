"""Real patients at a data cut-off: the same analysis as the simulator, diagnostics, decision and memo."""
