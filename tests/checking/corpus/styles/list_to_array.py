import numpy as np

# weights typed in by hand, from the lecture notes (one row per neuron)
W1 = [[0.5, -0.4, 0.3], [-0.6, 0.8, 0.1], [0.2, 0.7, -0.9]]
W2 = [[0.3, -0.5, 0.9], [-0.7, 0.4, 0.6], [0.8, 0.1, -0.2]]

X = np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1], [2, 1, 1], [1, 2, 1]])
Y = np.array([[0, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1]])
lr = 0.5


def S(z):
    return 1 / (1 + np.exp(-z))


for epoch in range(400):
    loss = 0
    for i in range(len(X)):
        x = X[i]
        y = Y[i]
        h = S(np.dot(W1, x))
        o = S(np.dot(W2, h))
        loss = loss + sum((y - o) ** 2)

        d2 = np.zeros(3)
        for k in range(3):
            d2[k] = 2 * (o[k] - y[k]) * o[k] * (1 - o[k])
        d1 = np.zeros(3)
        for j in range(3):
            for k in range(3):
                d1[j] += d2[k] * W2[k][j]
            d1[j] *= h[j] * (1 - h[j])

        # after the first time these are no lists any more
        W2 -= lr * np.outer(d2, h)
        W1 -= lr * np.outer(d1, x)
    if epoch % 100 == 0:
        print("epoch", epoch, "loss", loss)
print("loss", loss)
print(W1)
