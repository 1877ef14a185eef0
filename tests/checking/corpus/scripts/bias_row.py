import numpy as np

# The first row of each weight matrix belongs to the bias: every layer gets a leading 1.

np.random.seed(13)


def add_one(A):
    return np.concatenate((np.ones((A.shape[0], 1)), A), axis=1)


def logistic(A):
    return 1 / (1 + np.exp(-A))


# two interlocked half circles
s = np.linspace(0, np.pi, 20)
upper = np.c_[np.cos(s), np.sin(s)]
lower = np.c_[1 - np.cos(s), 0.4 - np.sin(s)]
points = np.vstack((upper, lower)) + np.random.normal(0, 0.08, (40, 2))
labels = np.repeat([[1., 0., 0.2], [0., 1., 0.9]], 20, axis=0)    # third output: how "low" it is

Theta1 = np.random.uniform(-1, 1, (3, 3))
Theta2 = np.random.uniform(-1, 1, (4, 3))
alpha = 0.1

for it in range(400):
    a0 = add_one(points)                  # 40 x 3
    a1 = add_one(logistic(a0 @ Theta1))   # 40 x 4
    a2 = logistic(a1 @ Theta2)            # 40 x 3

    E = 0.5 * ((labels - a2) ** 2).sum()
    if it % 100 == 0:
        print("E =", E)

    d2 = (a2 - labels) * a2 * (1 - a2)
    d1 = (d2 @ Theta2[1:].T) * a1[:, 1:] * (1 - a1[:, 1:])

    Theta2 -= alpha * (a1.T @ d2)
    Theta1 -= alpha * (a0.T @ d1)

print("E =", E)
