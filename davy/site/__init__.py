"""What a site consists of and who may speak and look: its file, its people, its devices' credentials, the broker's list."""
