# Parity of three bits with two layers of weights.
# There is no bias, the last column of X is always one and does the job.
import numpy as np

np.random.seed(7)


def squash(x, deriv=False):
    # with deriv=True x has to be a value that already went through squash()
    if deriv:
        return x * (1 - x)
    return 1 / (1 + np.exp(-x))


X = np.array([[0, 0, 0, 1],
              [0, 0, 1, 1],
              [0, 1, 0, 1],
              [0, 1, 1, 1],
              [1, 0, 0, 1],
              [1, 0, 1, 1],
              [1, 1, 0, 1],
              [1, 1, 1, 1]])
y = np.array([[0, 1, 1, 0, 1, 0, 0, 1]]).T

syn0 = 2 * np.random.random((4, 4)) - 1
syn1 = 2 * np.random.random((4, 1)) - 1

for it in range(6000):
    # forward
    l0 = X
    l1 = squash(l0.dot(syn0))
    l2 = squash(l1.dot(syn1))

    # how far off are we?
    l2_error = y - l2
    if it % 1000 == 0:
        print("mean error", np.abs(l2_error).mean())

    # backward
    l2_delta = l2_error * squash(l2, deriv=True)
    l1_error = l2_delta.dot(syn1.T)
    l1_delta = l1_error * squash(l1, deriv=True)

    syn1 += l1.T.dot(l2_delta)
    syn0 += l0.T.dot(l1_delta)

print(l2.round(3))
