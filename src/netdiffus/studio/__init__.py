"""The studio: web pages over a folder, which start the same steps as the command line, each as a process of its own."""
