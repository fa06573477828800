"""The verbs as Python functions, and a model object in scikit-learn's manner."""
