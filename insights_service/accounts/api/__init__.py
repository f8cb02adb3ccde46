"""The endpoints of projects, organizations, users and keys (api W6-W10)."""
