"""torch and transformers as a backend."""
