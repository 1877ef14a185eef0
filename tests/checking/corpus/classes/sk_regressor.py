import numpy as np


class TanhRegressor:
    """Multi-layer perceptron for regression with the fit / predict interface.

    Minimises  1/(2n) * sum (prediction - y)^2 + alpha/2 * sum of squared coefficients
    by full-batch gradient descent.
    """

    def __init__(self, hidden_layer_sizes=(6, 5), alpha=1e-2, learning_rate_init=0.2, max_iter=300, random_state=None):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.alpha = alpha
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.random_state = random_state

    def _init_coefs(self, n_features):
        rs = np.random.RandomState(self.random_state)
        units = [n_features, *self.hidden_layer_sizes, 1]
        self.coefs_, self.intercepts_ = [], []
        for fan_in, fan_out in zip(units, units[1:]):
            bound = np.sqrt(3.0 / fan_in)
            self.coefs_.append(rs.uniform(-bound, bound, (fan_in, fan_out)))
            self.intercepts_.append(rs.uniform(-0.1, 0.1, fan_out))

    def _forward_pass(self, X):
        activations = [X]
        last = len(self.coefs_) - 1
        for i, (coef, intercept) in enumerate(zip(self.coefs_, self.intercepts_)):
            net_input = activations[-1] @ coef + intercept
            activations.append(net_input if i == last else np.tanh(net_input))
        return activations

    def _backprop(self, X, y):
        n_samples = X.shape[0]
        activations = self._forward_pass(X)
        prediction = activations[-1].ravel()
        residual = prediction - y
        loss = (residual ** 2).sum() / (2 * n_samples)
        loss += 0.5 * self.alpha * sum((c ** 2).sum() for c in self.coefs_)

        coef_grads, intercept_grads = [], []
        delta = residual[:, np.newaxis] / n_samples
        for i in reversed(range(len(self.coefs_))):
            grad_coef = activations[i].T @ delta
            grad_coef += self.alpha * self.coefs_[i]
            grad_intercept = delta.sum(axis=0)
            coef_grads.insert(0, grad_coef)
            intercept_grads.insert(0, grad_intercept)
            if i > 0:
                delta = (delta @ self.coefs_[i].T) * (1 - activations[i] ** 2)
        return loss, coef_grads, intercept_grads

    def partial_fit(self, X, y):
        loss, coef_grads, intercept_grads = self._backprop(X, y)
        for i in range(len(self.coefs_)):
            self.coefs_[i] = self.coefs_[i] - self.learning_rate_init * coef_grads[i]
            self.intercepts_[i] = self.intercepts_[i] - self.learning_rate_init * intercept_grads[i]
        self.loss_curve_.append(loss)
        return self

    def fit(self, X, y):
        self._init_coefs(X.shape[1])
        self.loss_curve_ = []
        for _ in range(self.max_iter):
            self.partial_fit(X, y)
        return self

    def predict(self, X):
        return self._forward_pass(X)[-1].ravel()

    def score(self, X, y):
        return 1 - ((y - self.predict(X)) ** 2).sum() / ((y - y.mean()) ** 2).sum()


rs = np.random.RandomState(42)
X = rs.uniform(-1.5, 1.5, (50, 3))
y = np.sin(2 * X[:, 0]) + 0.5 * X[:, 1] * X[:, 2] + 0.05 * rs.randn(50)
reg = TanhRegressor(random_state=1).fit(X, y)
print("loss: %.4f -> %.4f" % (reg.loss_curve_[0], reg.loss_curve_[-1]))
print("R^2:", reg.score(X, y))
