import numpy as np


class MulLayer:
    def forward(self, x, y):
        self.x = x
        self.y = y
        return x * y

    def backward(self, dout):
        dx = dout * self.y
        dy = dout * self.x
        return dx, dy


class AddLayer:
    def forward(self, x, y):
        return x + y

    def backward(self, dout):
        dx = dout * 1
        dy = dout * 1
        return dx, dy


class SigmoidLayer:
    def forward(self, x):
        self.out = 1 / (1 + np.exp(-x))
        return self.out

    def backward(self, dout):
        dx = dout * (1 - self.out) * self.out
        return dx


class SquaredErrorLayer:
    def forward(self, x, t):
        self.x = x
        self.t = t
        return (x - t) ** 2

    def backward(self, dout):
        dx = dout * 2 * (self.x - self.t)
        return dx


class GateNeuron:
    """sigmoid(w0*x0 + w1*x1 + b) times a gain, built from gates, one number at a time."""

    def __init__(self):
        self.w = np.array([0.4, -0.7])
        self.b = np.array(0.1)
        self.gain = np.array(1.5)
        self.mul0, self.mul1, self.mul_gain = MulLayer(), MulLayer(), MulLayer()
        self.add, self.add_bias = AddLayer(), AddLayer()
        self.squash = SigmoidLayer()
        self.err = SquaredErrorLayer()

    def forward(self, x):
        p0 = self.mul0.forward(self.w[0], x[0])
        p1 = self.mul1.forward(self.w[1], x[1])
        s = self.add_bias.forward(self.add.forward(p0, p1), self.b)
        return self.mul_gain.forward(self.squash.forward(s), self.gain)

    def learn(self, x, t, lr=0.2):
        out = self.forward(x)
        loss = self.err.forward(out, t)
        dout = self.err.backward(1.0)
        dsig, dgain = self.mul_gain.backward(dout)
        ds = self.squash.backward(dsig)
        dsum, db = self.add_bias.backward(ds)
        dp0, dp1 = self.add.backward(dsum)
        dw0, dx0 = self.mul0.backward(dp0)
        dw1, dx1 = self.mul1.backward(dp1)
        self.w = self.w - lr * np.array([dw0, dw1])
        self.b = self.b - lr * db
        self.gain = self.gain - lr * dgain
        return loss


if __name__ == "__main__":
    neuron = GateNeuron()
    rng = np.random.default_rng(6)
    samples = rng.uniform(-1.5, 1.5, size=(20, 2))
    wanted = 2.2 / (1 + np.exp(-(1.3 * samples[:, 0] + 0.8 * samples[:, 1] - 0.5)))
    for epoch in range(60):
        total = 0.0
        for x, t in zip(samples, wanted):
            total += neuron.learn(x, t)
        if epoch % 15 == 0:
            print("epoch", epoch, "mean squared error", total / len(samples))
    print("weights", neuron.w, "bias", neuron.b, "gain", neuron.gain)
