from __future__ import print_function
import warnings
import numpy as np

warnings.simplefilter('ignore', PendingDeprecationWarning)   # np.matrix
np.random.seed(33)

# samples are COLUMNS, * is the matrix product
P = np.matrix([[-1.0, -0.5, 0.0, 0.5, 1.0],
               [ 0.3, -0.8, 0.9, 0.1, -0.6]])
T = np.matrix([[0.1, 0.7, 0.2, 0.8, 0.9],
               [0.6, 0.3, 0.9, 0.4, 0.2],
               [0.5, 0.5, 0.1, 0.9, 0.3]])
Q = P.shape[1]

S1 = 3
W1 = np.matrix(np.random.uniform(-1, 1, (S1, 2)))
b1 = np.matrix(np.random.uniform(-1, 1, (S1, 1)))
W2 = np.matrix(np.random.uniform(-1, 1, (3, S1)))
b2 = np.matrix(np.random.uniform(-1, 1, (3, 1)))


def logsig(n):
    return 1.0 / (1.0 + np.exp(-n))


alfa = 0.25
for k in range(1200):
    n1 = W1 * P + b1
    a1 = logsig(n1)
    n2 = W2 * a1 + b2
    a2 = logsig(n2)

    e = T - a2
    s2 = -2 * np.multiply(np.multiply(a2, 1 - a2), e)
    s1 = np.multiply(np.multiply(a1, 1 - a1), W2.T * s2)

    W2 = W2 - alfa * s2 * a1.T
    b2 = b2 - alfa * s2.sum(axis=1)
    W1 = W1 - alfa * s1 * P.T
    b1 = b1 - alfa * s1.sum(axis=1)

    if k % 300 == 0:
        print(k, 'SSE =', np.trace(e * e.T))
print('final', float(np.trace(e * e.T)))
