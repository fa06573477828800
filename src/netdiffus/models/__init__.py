"""Models: what a trained model is, how it learns, and how it is sampled."""
