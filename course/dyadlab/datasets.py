def load(*a, **k): raise NotImplementedError
codebook = names = load
