"""The steps: prepare, train, generate, evaluate. Each reads files, runs the layers below, and writes files."""
