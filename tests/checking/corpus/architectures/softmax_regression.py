# multinomial logistic regression on three clouds of points
from numpy import *

random.seed(6)
centres = array([[2., 0., 1.], [-1., 2., 0.], [0., -2., -1.]])
n = 30
y = arange(n) % 3
x = centres[y] + 0.9*random.standard_normal((n, 3))
theta = 0.3*random.standard_normal((3, 3))
bias = zeros(3)


def scores_of(x):
    return x @ theta + bias


def cost(x, y):
    s = scores_of(x)
    s = s - s.max(axis=1)[:, None]
    return -(s[range(n), y] - log(exp(s).sum(axis=1))).sum()/n


print('cost before', cost(x, y))
for k in range(100):
    s = scores_of(x)
    probs = exp(s - s.max(axis=1)[:, None])
    probs /= probs.sum(axis=1)[:, None]
    dscores = probs
    dscores[range(n), y] -= 1
    dscores /= n
    theta -= 0.5*(x.T @ dscores)
    bias -= 0.5*dscores.sum(axis=0)
print('cost after', cost(x, y))
print('errors', (scores_of(x).argmax(axis=1) != y).sum(), 'of', n)
