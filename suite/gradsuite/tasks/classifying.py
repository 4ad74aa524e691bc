"""What a simple classifier makes of a data set: the answer that a recurrent network has to beat."""

import numpy as np

ROUNDS = 2000  # of the solver: more than it needs on any of the built-in data


def logistic_regression(
    features: np.ndarray, classes: np.ndarray, test_features: np.ndarray, test_classes: np.ndarray
) -> float:
    """Return the accuracy on the test of a logistic regression with scikit-learn's own regularisation.

    Features (N, F) are standardised by those it is fitted to.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=ROUNDS))
    return float(model.fit(features, classes).score(test_features, test_classes))
