"""Configuration: YAML values, checked and built into designs and scenarios."""
