import numpy as np


class MLP:
    """784-style mnist net shrunk to toy size; sigmoid everywhere, quadratic cost"""

    def __init__(self, n_input, n_hidden, n_output):
        np.random.seed(40)
        self.w_hidden = np.random.randn(n_input, n_hidden) * 0.7
        self.w_output = np.random.randn(n_hidden, n_output) * 0.7
        self.b_hidden = np.random.randn(n_hidden)
        self.b_output = np.random.randn(n_output)

    @staticmethod
    def sigmoid(v):
        return 1. / (1. + np.exp(-v))

    @staticmethod
    def sigmoid_der(v):
        s = MLP.sigmoid(v)
        return s * (1. - s)

    def forward(self, X):
        self.v_hidden = np.dot(X, self.w_hidden)
        self.y_hidden = self.sigmoid(self.v_hidden)
        self.v_output = np.dot(self.y_hidden, self.w_output)
        self.y_output = self.sigmoid(self.v_output)
        return self.y_output

    def backward(self, X, D, eta):
        m = X.shape[0]
        cost_der = self.y_output - D
        grad_output = cost_der * self.sigmoid_der(self.v_output)
        grad_hidden = np.dot(grad_output, self.w_output.T) * self.sigmoid_der(self.v_hidden)

        dw_output = np.dot(self.y_hidden.T, grad_output) / m
        dw_hidden = np.dot(X.T, grad_hidden) / m
        db_output = grad_output.mean(axis=0)
        db_hidden = grad_hidden.mean(axis=0)

        self.w_output -= eta * dw_output
        self.b_output -= eta * db_output
        self.w_hidden -= eta * dw_hidden
        self.b_hidden -= eta * db_hidden

    def fit(self, X, D, epochs, eta):
        for e in range(epochs):
            self.forward(X)
            self.backward(X, D, eta)
            if (e + 1) % (epochs // 5) == 0:
                c = np.mean(0.5 * np.sum((D - self.forward(X)) ** 2, axis=1))
                print('Epoch %4d/%d  cost %.5f' % (e + 1, epochs, c))


if __name__ == '__main__':
    # 3x3 pictures: horizontal bar, vertical bar, diagonal
    pics = np.array([
        [1, 1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1, 1, 1],
        [1, 0, 0, 1, 0, 0, 1, 0, 0], [0, 1, 0, 0, 1, 0, 0, 1, 0], [0, 0, 1, 0, 0, 1, 0, 0, 1],
        [1, 0, 0, 0, 1, 0, 0, 0, 1], [0, 0, 1, 0, 1, 0, 1, 0, 0],
    ], dtype=float)
    wanted = np.eye(3)[[0, 0, 0, 1, 1, 1, 2, 2]]
    net = MLP(9, 8, 3)
    net.fit(pics, wanted, 1000, 2.0)
    print(net.forward(pics).round(2))
