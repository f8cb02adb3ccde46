"""The demo project: real-looking events from the package's own file, and saved insights about them."""
