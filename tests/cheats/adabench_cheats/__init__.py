"""Methods that cheat, one trick each: `adabench check` has to refuse them."""
