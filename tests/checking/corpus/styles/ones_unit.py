# -*- coding: utf-8 -*-
"""
Perceptron multicapa. The first hidden unit is clamped to 1: it is the bias of the output layer.
"""
import math
import numpy as np

N_IN = 3          # two inputs and a constant 1
N_HIDDEN = 4      # three real units and the clamped one
N_OUT = 2
TASA = 0.15
EPOCHS = 120

tanh_v = np.vectorize(math.tanh)
dtanh_v = np.vectorize(lambda y: 1 - y * y)


class Red:
    def __init__(self):
        r = np.random.RandomState(5)
        self.v = r.uniform(-1, 1, (N_IN, N_HIDDEN))
        self.w = r.uniform(-1, 1, (N_HIDDEN, N_OUT))

    def salida(self, x):
        self.x = x
        self.h = tanh_v(np.dot(x, self.v))
        self.h[0] = 1.0
        self.y = tanh_v(np.dot(self.h, self.w))
        return self.y

    def ajustar(self, deseado):
        error = deseado - self.y
        delta_y = error * dtanh_v(self.y)
        # the clamped unit has derivative 1 - 1*1 = 0, so it stops the error by itself
        delta_h = np.dot(self.w, delta_y) * dtanh_v(self.h)
        self.w += TASA * np.outer(self.h, delta_y)
        self.v += TASA * np.outer(self.x, delta_h)
        return (error ** 2).sum() / 2


puntos = np.random.RandomState(6).uniform(-1, 1, (24, 2))
clases = [((1 if a * b > 0 else -1) * 0.9, (1 if a > b else -1) * 0.9) for a, b in puntos]

red = Red()
for epoch in range(EPOCHS):
    total = 0.0
    for p, c in zip(puntos, clases):
        red.salida(np.append(p, 1.0))
        total += red.ajustar(np.array(c))
    if epoch % 30 == 0 or epoch == EPOCHS - 1:
        print('epoch', epoch, 'error', total)
