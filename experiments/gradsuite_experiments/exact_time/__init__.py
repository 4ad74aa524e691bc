"""Laws of linear recurrent networks, exact at any size."""
