"""The engine process: owns the models and serves the completions API."""
