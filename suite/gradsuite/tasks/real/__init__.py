"""Real data that packages or Python itself bring: images, speech, text and series; and the shapes of MNIST-1D."""
