"""One shared hidden layer, two heads: a class (sigmoid) and a number (linear)."""
import numpy as np

rs = np.random.RandomState(31)


def init(sizes):
    return [rs.randn(m, n) / np.sqrt(m) for m, n in sizes]


def sigm(a):
    return 1. / (1. + np.exp(-a))


def main():
    n = 40
    x = rs.randn(n, 3)
    radius = np.sqrt((x ** 2).sum(1, keepdims=True))      # regression target, (n, 1)
    side = (x[:, 0] * x[:, 1] > 0).astype(float)          # class target, (n,)
    Ws, Wc, Wr = init([(3, 10), (10, 1), (10, 1)])
    bs, bc, br = np.zeros(10), np.zeros(1), np.zeros(1)
    lam = 0.5
    lr = 0.4
    for epoch in range(500):
        h = np.tanh(x.dot(Ws) + bs)
        prob = sigm(h.dot(Wc) + bc)
        pred = h.dot(Wr) + br
        ce = -np.mean(side * np.log(prob[:, 0]) + (1 - side) * np.log(1 - prob[:, 0]))
        mse = np.mean((pred - radius) ** 2)

        d_class = (prob - side[:, None]) / n
        d_reg = lam * 2 * (pred - radius) / n
        gWc, gbc = h.T.dot(d_class), d_class.sum(0)
        gWr, gbr = h.T.dot(d_reg), d_reg.sum(0)
        d_h = d_class.dot(Wc.T) + d_reg.dot(Wr.T)
        d_a = d_h * (1 - h ** 2)
        gWs = x.T.dot(d_a)
        gbs = d_a.sum(0)

        Ws -= lr * gWs; bs -= lr * gbs
        Wc -= lr * gWc; bc -= lr * gbc
        Wr -= lr * gWr; br -= lr * gbr
        if epoch % 100 == 0:
            print(epoch, 'cross-entropy', round(ce, 4), 'mse', round(mse, 4))
    print('cross-entropy', round(ce, 4), 'mse', round(mse, 4))


if __name__ == '__main__':
    main()
