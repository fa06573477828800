"""The pages, a file for each subject; `add` puts them into the application."""
