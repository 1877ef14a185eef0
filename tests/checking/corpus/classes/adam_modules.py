"""Modules, parameters and an Adam optimizer, in the manner of the big frameworks."""
import numpy as np


class Parameter:
    def __init__(self, data):
        self.data = data
        self.grad = np.zeros_like(data)


class Linear:
    def __init__(self, fan_in, fan_out, gen):
        self.weight = Parameter(gen.normal(size=(fan_out, fan_in)) * np.sqrt(1 / fan_in))
        self.bias = Parameter(np.zeros(fan_out))

    def __call__(self, x):
        self.saved = x
        return x @ self.weight.data.T + self.bias.data

    def backward(self, g):
        self.weight.grad += g.T @ self.saved
        self.bias.grad += g.sum(axis=0)
        grad_in = g @ self.weight.data
        return grad_in

    def parameters(self):
        return [self.weight, self.bias]


class Softplus:
    def __call__(self, x):
        self.saved = x
        return np.logaddexp(0, x)

    def backward(self, g):
        grad_in = g / (1 + np.exp(-self.saved))
        return grad_in

    def parameters(self):
        return []


class BCEWithLogits:
    def __call__(self, logits, target):
        self.prob = 1 / (1 + np.exp(-logits))
        self.target = target
        return np.mean(np.logaddexp(0, logits) - target * logits)

    def backward(self):
        return (self.prob - self.target) / self.target.size


class Adam:
    def __init__(self, params, lr=1e-2, betas=(0.9, 0.999), eps=1e-8):
        self.params = list(params)
        self.lr, self.betas, self.eps = lr, betas, eps
        self.t = 0
        self.m = [np.zeros_like(p.data) for p in self.params]
        self.v = [np.zeros_like(p.data) for p in self.params]

    def zero_grad(self):
        for p in self.params:
            p.grad = np.zeros_like(p.data)

    def step(self):
        self.t += 1
        b1, b2 = self.betas
        for i, p in enumerate(self.params):
            self.m[i] = b1 * self.m[i] + (1 - b1) * p.grad
            self.v[i] = b2 * self.v[i] + (1 - b2) * p.grad ** 2
            m_hat = self.m[i] / (1 - b1 ** self.t)
            v_hat = self.v[i] / (1 - b2 ** self.t)
            p.data -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)


class Model:
    def __init__(self, gen):
        self.modules = [Linear(2, 7, gen), Softplus(), Linear(7, 7, gen), Softplus(), Linear(7, 1, gen)]

    def __call__(self, x):
        for module in self.modules:
            x = module(x)
        return x

    def backward(self, g):
        for module in self.modules[::-1]:
            g = module.backward(g)

    def parameters(self):
        return [p for module in self.modules for p in module.parameters()]


def main():
    gen = np.random.default_rng(4)
    x = gen.uniform(-1, 1, size=(64, 2))
    target = (np.sin(3 * x[:, :1]) > x[:, 1:]).astype(np.float64)
    model = Model(gen)
    criterion = BCEWithLogits()
    optimizer = Adam(model.parameters(), lr=0.02)
    for epoch in range(120):
        logits = model(x)
        loss = criterion(logits, target)
        optimizer.zero_grad()
        model.backward(criterion.backward())
        optimizer.step()
        if epoch % 20 == 0:
            print(epoch, loss)
    print("accuracy", np.mean((model(x) > 0) == (target > 0.5)))


if __name__ == "__main__":
    main()
