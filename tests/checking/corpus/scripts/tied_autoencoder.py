# Autoencoder with tied weights: the decoder is the encoder transposed, so W gets
# its gradient from two places.
import numpy as np

np.random.seed(31)

n_visible, n_hidden, batch_size = 6, 3, 10
lr = 0.4

# 6 numbers that really are only 2
latent = np.random.rand(40, 2)
mix = np.array([[.9, .1, .5, 0., .3, .7],
                [.0, .8, .4, .9, .6, .2]])
data = latent @ mix + 0.02 * np.random.randn(40, n_visible)

W = np.random.randn(n_visible, n_hidden) * 0.4
b_hid = np.zeros(n_hidden)
b_vis = np.zeros(n_visible)

for epoch in range(80):
    epoch_cost = []
    for x in np.split(data, len(data) // batch_size):
        # encode, decode
        code = 1 / (1 + np.exp(-(x @ W + b_hid)))
        recon = code @ W.T + b_vis

        err = recon - x
        epoch_cost.append(np.sum(err ** 2) / batch_size)

        d_recon = 2 * err / batch_size
        d_code = d_recon @ W
        d_pre = d_code * code * (1 - code)

        grad_dec = d_recon.T @ code
        grad_enc = x.T @ d_pre
        grad_W = grad_enc + grad_dec
        grad_hid = d_pre.sum(axis=0)
        grad_vis = d_recon.sum(axis=0)

        W -= lr * grad_W / n_visible
        b_hid -= lr * grad_hid / n_visible
        b_vis -= lr * grad_vis / n_visible
    if epoch % 20 == 0:
        print("epoch", epoch, "reconstruction", np.mean(epoch_cost))

print("reconstruction", np.mean(epoch_cost))
