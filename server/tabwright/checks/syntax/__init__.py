"""Check whether a candidate parses, defines its names, and makes risky calls."""
