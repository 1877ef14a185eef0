# REINFORCE on a contextual bandit: three kinds of customers, three offers.
# The policy is a small network; every episode is one customer.
import numpy as np

np.random.seed(14)

n_hidden = 6
W1 = 0.5 * np.random.randn(n_hidden, 3)
W2 = 0.5 * np.random.randn(3, n_hidden)
learning_rate = 0.3
batch_size = 10

payoff = np.array([[1.0, 0.2, 0.0],
                   [0.1, 0.0, 0.9],
                   [0.0, 1.0, 0.3]])


def policy_forward(x):
    h = np.dot(W1, x)
    h[h < 0] = 0
    logits = np.dot(W2, h)
    e = np.exp(logits - np.max(logits))
    return e / np.sum(e), h


def policy_backward(eph, epdlogp, epx):
    """ascent direction of sum(log prob * advantage) """
    dW2 = np.dot(epdlogp.T, eph)
    dh = np.dot(epdlogp, W2)
    dh[eph <= 0] = 0
    dW1 = np.dot(dh.T, epx)
    return dW1, dW2


baseline = 0.0
for update in range(150):
    xs, hs, dlogps, rewards = [], [], [], []
    for episode in range(batch_size):
        kind = np.random.randint(3)
        x = 0.1 * np.random.randn(3)
        x[kind] += 1
        prob, h = policy_forward(x)
        action = np.random.choice(3, p=prob)
        chosen = np.zeros(3)
        chosen[action] = 1
        xs.append(x)
        hs.append(h)
        dlogps.append(chosen - prob)
        rewards.append(payoff[kind, action])
    advantage = np.array(rewards) - baseline
    baseline = 0.9 * baseline + 0.1 * np.mean(rewards)
    epdlogp = np.vstack(dlogps)
    epdlogp *= advantage[:, None] / batch_size
    dW1, dW2 = policy_backward(np.vstack(hs), epdlogp, np.vstack(xs))
    W1 += learning_rate * dW1
    W2 += learning_rate * dW2
    if update % 50 == 0:
        print(update, "average reward", baseline)
print("average reward", baseline)
