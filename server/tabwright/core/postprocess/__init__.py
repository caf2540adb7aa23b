"""From the model's raw text to a suggestion."""
