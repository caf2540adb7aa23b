"""The engine process: owns the models and answers the completions API."""
