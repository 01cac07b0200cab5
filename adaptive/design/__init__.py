"""The protocol: look plans, allocation, rules, limits, and how they combine into a decision."""
