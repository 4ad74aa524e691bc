"""Real data, from the uses that people have for recurrent networks, against simple answers."""
