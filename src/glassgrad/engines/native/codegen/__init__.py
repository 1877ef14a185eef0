"""Writing code: LLVM's text, the elementwise functions, the machine it is for, and how it becomes callable."""
