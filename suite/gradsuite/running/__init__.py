"""The main job: from what the user asked for to a finished run."""
