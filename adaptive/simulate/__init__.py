"""Virtual trials: the noise, the step and the drivers."""
