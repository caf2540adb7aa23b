"""One pure file per feature: prepare what to ask, finish what came back."""
