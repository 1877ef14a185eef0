# Linear regression on (made up) flats: area, rooms, distance to the centre -> rent
import numpy as np

data = np.array([
    # area rooms dist  rent
    [35., 1., 1.0, 690.], [52., 2., 3.5, 720.], [70., 3., 2.0, 1080.], [88., 3., 6.0, 900.],
    [41., 2., 0.5, 860.], [60., 2., 4.0, 790.], [95., 4., 3.0, 1290.], [120., 5., 8.0, 1150.],
    [28., 1., 5.0, 420.], [77., 3., 1.5, 1210.], [66., 3., 7.0, 700.], [49., 2., 2.5, 780.],
])


def feature_normalize(A):
    return (A - A.mean(axis=0)) / A.std(axis=0)


m = len(data)
X = np.hstack([np.ones((m, 1)), feature_normalize(data[:, :3])])
y = data[:, 3:] / 100


def cost(theta):
    return np.sum((X @ theta - y) ** 2) / (2 * m)


def gradient(theta):
    h = X @ theta
    error = h - y
    grad = X.T @ error / m
    return grad


theta = np.array([[1.0], [0.5], [-0.5], [0.2]])
alpha = 0.1
J_history = []
iteration = 0
while iteration < 300:
    J_history.append(cost(theta))
    theta = theta - alpha * gradient(theta)
    iteration += 1

print("J went from", J_history[0], "to", J_history[-1])
print(theta.ravel())
