"""The catalog of models, the models on this machine, their pull and conversion."""
