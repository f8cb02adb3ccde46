"""Who may ask: organizations, projects, users and personal API keys."""
