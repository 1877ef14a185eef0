# Multinomial logistic regression without an intercept; classes x features, examples in columns
import numpy as np

gen = np.random.default_rng(8)

classes, features, m = 4, 4, 60
prototypes = gen.normal(size=(features, classes))
label = gen.integers(0, classes, m)
X = prototypes[:, label] + 0.6 * gen.normal(size=(features, m))
Y = np.zeros((classes, m))
Y[label, np.arange(m)] = 1


def softmax(S):
    ex = np.exp(S - np.max(S, axis=0))
    return ex / np.sum(ex, axis=0)


def loss_and_grad(W, X, Y):
    m = X.shape[1]
    P = softmax(W.dot(X))
    loss = -np.sum(Y * np.log(P)) / m
    dS = P - Y
    dW = dS.dot(X.T) / m
    return loss, dW


W = 0.1 * gen.normal(size=(classes, features))
for epoch in range(100):
    loss, dW = loss_and_grad(W, X, Y)
    W -= 0.4 * dW
    if epoch % 25 == 0:
        print(f"epoch {epoch:3d}: cross entropy {loss:.4f}")

hits = np.argmax(W.dot(X), axis=0) == label
print(f"{hits.sum()} of {m} right")
