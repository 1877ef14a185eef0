import numpy as np


class Layer:
    def forward(self, x):
        raise NotImplementedError

    def backward(self, grad):
        raise NotImplementedError

    def step(self, lr):
        pass


class Dense(Layer):
    def __init__(self, n_in, n_out, seed):
        r = np.random.default_rng(seed)
        limit = np.sqrt(6 / (n_in + n_out))
        self.kernel = r.uniform(-limit, limit, size=(n_in, n_out))
        self.bias = np.zeros(n_out)

    def forward(self, x):
        self.inputs = x
        return x @ self.kernel + self.bias

    def backward(self, grad):
        self.grad_kernel = self.inputs.T @ grad
        self.grad_bias = grad.sum(axis=0)
        grad_inputs = grad @ self.kernel.T
        return grad_inputs

    def step(self, lr):
        self.kernel -= lr * self.grad_kernel
        self.bias -= lr * self.grad_bias


class Activation(Layer):
    FUNCTIONS = {
        "tanh": np.tanh,
        "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
        "linear": lambda v: v,
    }

    def __init__(self, name):
        self.name = name

    def forward(self, x):
        self.outputs = self.FUNCTIONS[self.name](x)
        return self.outputs

    def backward(self, grad):
        out = self.outputs
        if self.name == "tanh":
            local = 1 - out ** 2
        elif self.name == "sigmoid":
            local = out * (1 - out)
        else:
            local = np.ones_like(out)
        grad_inputs = grad * local
        return grad_inputs


class MeanSquaredError:
    def loss(self, predicted, actual):
        return np.mean((predicted - actual) ** 2)

    def grad(self, predicted, actual):
        return 2 * (predicted - actual) / predicted.size


class Sequential:
    def __init__(self, layers):
        self.layers = layers

    def compile(self, loss, lr):
        self.loss_fn = loss
        self.lr = lr

    def predict(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def fit(self, x, y, epochs, batch_size, verbose=1):
        history = []
        for epoch in range(epochs):
            total = 0.0
            for start in range(0, len(x), batch_size):
                xb, yb = x[start:start + batch_size], y[start:start + batch_size]
                pred = self.predict(xb)
                total += self.loss_fn.loss(pred, yb) * len(xb)
                grad = self.loss_fn.grad(pred, yb)
                for layer in reversed(self.layers):
                    grad = layer.backward(grad)
                for layer in self.layers:
                    layer.step(self.lr)
            history.append(total / len(x))
            if verbose and epoch % 50 == 0:
                print(f"Epoch {epoch + 1}/{epochs} - loss: {history[-1]:.5f}")
        return history


if __name__ == "__main__":
    rng = np.random.default_rng(12)
    x = rng.uniform(-2, 2, size=(48, 2))
    y = np.stack([np.sin(x[:, 0]) * x[:, 1], 0.5 * np.cos(x[:, 1])], axis=1)

    model = Sequential([
        Dense(2, 8, seed=1), Activation("tanh"),
        Dense(8, 6, seed=2), Activation("sigmoid"),
        Dense(6, 2, seed=3), Activation("linear"),
    ])
    model.compile(loss=MeanSquaredError(), lr=0.2)
    history = model.fit(x, y, epochs=201, batch_size=16)
    print("final loss", history[-1])
