import numpy as np

# fit y = a*x^2 + b*x + c by gradient descent

np.random.seed(1)
x = np.linspace(-1.5, 2, 15)
y = 1.5 * x ** 2 - 2 * x + 0.7 + 0.1 * np.random.randn(15)
n = len(x)


def predict(a, b, c):
    return a * x ** 2 + b * x + c


def mse(a, b, c):
    return np.mean((predict(a, b, c) - y) ** 2)


def gradients(a, b, c):
    residual = predict(a, b, c) - y
    da = 2 / n * np.sum(residual * x ** 2)
    db = 2 / n * np.sum(residual * x)
    dc = 2 / n * np.sum(residual)
    return da, db, dc


a, b, c = np.random.randn(3)
learning_rate = 0.05

for step in range(150):
    da, db, dc = gradients(a, b, c)
    a = a - learning_rate * da
    b = b - learning_rate * db
    c = c - learning_rate * dc
    if step % 30 == 0:
        print("step", step, "mse", mse(a, b, c))

print("found", round(a, 2), round(b, 2), round(c, 2))
