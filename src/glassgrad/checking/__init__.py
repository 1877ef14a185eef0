"""The debugger of hand-written backward passes: is it right, and if not, where and why not."""
