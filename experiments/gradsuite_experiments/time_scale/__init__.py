"""Whether the time scale of an LSTM's forget gates, at initialisation, decides how soon a dependency is learnt."""
