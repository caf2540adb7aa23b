"""Insert import lines, and find the imports that an edit lacks."""
