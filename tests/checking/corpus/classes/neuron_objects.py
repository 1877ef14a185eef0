import numpy as np

class Neuron:
    def __init__(self, rnd, n_inputs):
        self.weights = rnd.uniform(-1, 1, n_inputs)
        self.bias = rnd.uniform(-1, 1, 1)
        self.output = None
        self.delta = None

    def activate(self, inputs):
        self.inputs = inputs
        self.total = np.dot(self.weights, inputs) + self.bias[0]
        self.output = np.tanh(self.total)
        return self.output

class NeuronLayer:
    def __init__(self, rnd, n_neurons, n_inputs):
        self.neurons = [Neuron(rnd, n_inputs) for _ in range(n_neurons)]

    def feed(self, inputs):
        return np.array([n.activate(inputs) for n in self.neurons])

class MLP:
    def __init__(self, seed=9):
        rnd = np.random.RandomState(seed)
        self.hidden = NeuronLayer(rnd, 3, 3)
        self.output = NeuronLayer(rnd, 3, 3)

    def feed_forward(self, inputs):
        return self.output.feed(self.hidden.feed(inputs))

    def train(self, inputs, expected, lrate):
        self.feed_forward(inputs)

        for o in range(len(self.output.neurons)):
            neuron = self.output.neurons[o]
            neuron.delta = (neuron.output - expected[o]) * (1 - neuron.output * neuron.output)

        for h in range(len(self.hidden.neurons)):
            neuron = self.hidden.neurons[h]
            error = 0.0
            for o in range(len(self.output.neurons)):
                error += self.output.neurons[o].delta * self.output.neurons[o].weights[h]
            neuron.delta = error * (1 - neuron.output * neuron.output)

        for o in range(len(self.output.neurons)):
            neuron = self.output.neurons[o]
            for i in range(len(neuron.weights)):
                neuron.weights[i] -= lrate * neuron.delta * neuron.inputs[i]
            neuron.bias[0] -= lrate * neuron.delta
        for h in range(len(self.hidden.neurons)):
            neuron = self.hidden.neurons[h]
            for i in range(len(neuron.weights)):
                neuron.weights[i] -= lrate * neuron.delta * neuron.inputs[i]
            neuron.bias[0] -= lrate * neuron.delta

    def total_error(self, samples):
        total = 0
        for inputs, expected in samples:
            total += np.sum((self.feed_forward(inputs) - expected) ** 2) / 2
        return total

samples = [
    (np.array([0.1, 0.9, -0.4]), np.array([0.5, -0.5, 0.2])),
    (np.array([0.8, 0.2, 0.3]), np.array([-0.6, 0.1, 0.7])),
    (np.array([-0.7, -0.3, 0.6]), np.array([0.3, 0.8, -0.4])),
    (np.array([0.4, -0.8, -0.9]), np.array([-0.2, -0.7, 0.1])),
]
mlp = MLP()
for i in range(200):
    if i % 40 == 0:
        print(i, "%.6f" % mlp.total_error(samples))
    for inputs, expected in samples:
        mlp.train(inputs, expected, 0.15)
print("end", "%.6f" % mlp.total_error(samples))
