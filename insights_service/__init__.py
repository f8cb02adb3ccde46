"""The service: wiring of the web and background processes, and what every app stands on."""
