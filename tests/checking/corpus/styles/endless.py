# trains until it is good enough, at import
import sys
import numpy as np

np.random.seed(1)

def nonlin(x, deriv=False):
    if deriv:
        return x*(1-x)
    return 1/(1+np.exp(-x))

def add_ones(a):
    return np.hstack([a, np.ones((len(a), 1))])

train_in = np.array([[0,0], [0,1], [1,0], [1,1]])
train_out = np.array([[0,1,1,0], [1,0,0,1], [0,0,0,1]]).T      # xor, xnor, and

# last row of each matrix = bias
syn0 = 2*np.random.random((3, 4)) - 1
syn1 = 2*np.random.random((5, 3)) - 1

count = 0
while True:
    l0 = add_ones(train_in)
    l1 = nonlin(np.dot(l0, syn0))
    l1b = add_ones(l1)
    l2 = nonlin(np.dot(l1b, syn1))

    l2_error = train_out - l2
    mean_error = np.mean(np.abs(l2_error))
    if mean_error < 0.1 or count >= 2000:
        break

    l2_delta = l2_error * nonlin(l2, deriv=True)
    l1_error = l2_delta.dot(syn1[:-1].T)
    l1_delta = l1_error * nonlin(l1, deriv=True)

    syn1 += 0.5*l1b.T.dot(l2_delta)
    syn0 += 0.5*l0.T.dot(l1_delta)
    count += 1
    if count % 200 == 0:
        sys.stdout.write('%5d  %.4f\n' % (count, mean_error))

sys.stdout.write('stopped after %d rounds, error %.4f\n' % (count, mean_error))
