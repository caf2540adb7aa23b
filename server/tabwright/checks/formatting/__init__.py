"""Format a candidate with black, and adapt its imports and line ends to the document."""
