"""Files in and out: patient data, the results store and its manifest."""
