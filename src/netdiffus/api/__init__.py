"""The verbs as Python functions, and a model object in the style of scikit-learn."""
