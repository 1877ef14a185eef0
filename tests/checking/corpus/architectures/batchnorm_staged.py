import numpy as np

def affine_forward(x, w, b):
    return x.dot(w) + b, (x, w)

def affine_backward(dout, cache):
    x, w = cache
    dx = dout.dot(w.T)
    dw = x.T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db

def batchnorm_forward(x, gamma, beta, eps):
    N, D = x.shape
    mu = 1./N * np.sum(x, axis=0)
    xmu = x - mu
    sq = xmu ** 2
    var = 1./N * np.sum(sq, axis=0)
    sqrtvar = np.sqrt(var + eps)
    ivar = 1./sqrtvar
    xhat = xmu * ivar
    out = gamma * xhat + beta
    cache = (xhat, gamma, xmu, ivar, sqrtvar, var, eps)
    return out, cache

def batchnorm_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1. / (sqrtvar ** 2) * divar
    dvar = 0.5 * 1. / np.sqrt(var + eps) * dsqrtvar
    dsq = 1. / N * np.ones((N, D)) * dvar
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
    dx2 = 1. / N * np.ones((N, D)) * dmu
    dx = dx1 + dx2
    return dx, dgamma, dbeta

def relu_forward(x):
    return np.maximum(0, x), x

def relu_backward(dout, cache):
    dx = dout * (cache > 0)
    return dx

def softmax_loss(scores, y):
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    probs = np.exp(shifted)
    probs /= np.sum(probs, axis=1, keepdims=True)
    N = scores.shape[0]
    loss = -np.sum(np.log(probs[np.arange(N), y])) / N
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    dx /= N
    return loss, dx

def train(steps=60, lr=0.5):
    np.random.seed(231)
    N, D, H, C = 15, 4, 6, 3
    y = np.arange(N) % C
    X = np.random.randn(N, D) + 2.0 * np.eye(C, D)[y] + 5.0
    params = {
        'W1': 0.5 * np.random.randn(D, H), 'b1': np.zeros(H),
        'gamma': np.ones(H) + 0.1 * np.random.randn(H), 'beta': 0.1 * np.random.randn(H),
        'W2': 0.5 * np.random.randn(H, C), 'b2': np.zeros(C),
    }
    for it in range(steps):
        h, cache_a1 = affine_forward(X, params['W1'], params['b1'])
        hn, cache_bn = batchnorm_forward(h, params['gamma'], params['beta'], 1e-5)
        hr, cache_relu = relu_forward(hn)
        scores, cache_a2 = affine_forward(hr, params['W2'], params['b2'])
        loss, dscores = softmax_loss(scores, y)

        grads = {}
        dhr, grads['W2'], grads['b2'] = affine_backward(dscores, cache_a2)
        dhn = relu_backward(dhr, cache_relu)
        dh, grads['gamma'], grads['beta'] = batchnorm_backward(dhn, cache_bn)
        _, grads['W1'], grads['b1'] = affine_backward(dh, cache_a1)

        for p in params:
            params[p] -= lr * grads[p]
        if it % 20 == 0:
            print('iteration %d loss %f' % (it, loss))
    print('final loss %f' % loss)
    return params

if __name__ == '__main__':
    train()
