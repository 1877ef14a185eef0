import random
from math import exp

random.seed(7)

# Each neuron is its own object. No matrices anywhere.


class Neuron(object):
    def __init__(self, n_inputs):
        self.weights = []
        for i in range(n_inputs):
            self.weights.append(random.random() * 2 - 1)
        self.bias = random.random() - 0.5
        self.inputs = None
        self.output = 0
        self.delta = 0

    def activate(self, inputs):
        self.inputs = inputs
        s = self.bias
        for w, x in zip(self.weights, inputs):
            s = s + w * x
        self.output = 1 / (1 + exp(-s))
        return self.output

    def slope(self):
        return self.output * (1 - self.output)


class NeuronLayer(object):
    def __init__(self, size, n_inputs):
        self.neurons = [Neuron(n_inputs) for _ in range(size)]

    def feed(self, inputs):
        return [n.activate(inputs) for n in self.neurons]


class Network(object):
    LEARNING_RATE = 0.6

    def __init__(self, sizes):
        self.layers = [NeuronLayer(b, a) for a, b in zip(sizes, sizes[1:])]

    def predict(self, x):
        for layer in self.layers:
            x = layer.feed(x)
        return x

    def train(self, x, target):
        self.predict(x)

        # 1. deltas of the output neurons
        last = self.layers[-1]
        for o in range(len(last.neurons)):
            n = last.neurons[o]
            n.delta = -(target[o] - n.output) * n.slope()

        # 2. deltas of the hidden neurons, back to front
        for l in range(len(self.layers) - 2, -1, -1):
            here, above = self.layers[l], self.layers[l + 1]
            for h in range(len(here.neurons)):
                d_error = 0
                for o in range(len(above.neurons)):
                    d_error += above.neurons[o].delta * above.neurons[o].weights[h]
                here.neurons[h].delta = d_error * here.neurons[h].slope()

        # 3. move the weights
        for layer in self.layers:
            for neuron in layer.neurons:
                for i in range(len(neuron.weights)):
                    pd = neuron.delta * neuron.inputs[i]
                    neuron.weights[i] -= self.LEARNING_RATE * pd
                neuron.bias -= self.LEARNING_RATE * neuron.delta

    def total_error(self, data):
        e = 0
        for x, target in data:
            out = self.predict(x)
            for k in range(len(target)):
                e += 0.5 * (target[k] - out[k]) ** 2
        return e


DATA = [
    ([0.1, 0.2, 0.9], [1, 0, 0]), ([0.2, 0.1, 0.7], [1, 0, 0]), ([0.0, 0.3, 0.8], [1, 0, 0]),
    ([0.9, 0.1, 0.2], [0, 1, 0]), ([0.7, 0.3, 0.1], [0, 1, 0]), ([0.8, 0.0, 0.3], [0, 1, 0]),
    ([0.2, 0.8, 0.1], [0, 0, 1]), ([0.1, 0.9, 0.3], [0, 0, 1]), ([0.3, 0.7, 0.2], [0, 0, 1]),
]

nn = Network([3, 3, 3])
for epoch in range(300):
    for x, target in DATA:
        nn.train(x, target)
    if epoch % 75 == 0 or epoch == 299:
        print(epoch, round(nn.total_error(DATA), 6))
