import numpy as np

np.random.seed(5)


def sigmoid(z):
    s = 1 / (1 + np.exp(-z))
    return s


def propagate(w, b, X, Y):
    """
    w -- weights, (features, 1)
    b -- bias, a scalar
    X -- data, (features, number of examples)
    Y -- labels, (1, number of examples)
    """
    m = X.shape[1]

    A = sigmoid(np.dot(w.T, X) + b)
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m

    dZ = A - Y
    dw = np.dot(X, dZ.T) / m
    db = np.sum(dZ) / m

    grads = {"dw": dw, "db": db}
    return grads, np.squeeze(cost)


def optimize(w, b, X, Y, num_iterations, learning_rate):
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        dw = grads["dw"]
        db = grads["db"]
        w = w - learning_rate * dw
        b = b - learning_rate * db
        if i % 30 == 0:
            costs.append(cost)
            print("cost after %d iterations: %.4f" % (i, cost))
    return w, b, costs


X_train = np.random.rand(5, 40) * 2 - 0.7
Y_train = (np.dot([[1.0, -2.0, 0.5, 1.5, -1.0]], X_train) + 0.3 > 0).astype(int)
w = 0.01 * np.random.randn(5, 1)
b = 0.0

w, b, costs = optimize(w, b, X_train, Y_train, num_iterations=120, learning_rate=0.3)
Y_hat = sigmoid(np.dot(w.T, X_train) + b) > 0.5
print("train accuracy: {} %".format(100 - np.mean(np.abs(Y_hat - Y_train)) * 100))
