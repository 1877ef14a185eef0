"""The benchmark: the same training runs in glassgrad and in other libraries, side by side on one machine.

Absolute times move from machine to machine and from hour to hour, so nothing is compared with a figure from
elsewhere: contestants start from the same weights, must agree on the loss, and take turns in one run. Each runs in
processes of its own, since thread pools of one library would slow another down. Nothing here prints; ``glassgrad
bench`` does.
"""
