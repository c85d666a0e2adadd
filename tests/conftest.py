"""What all tests share: one torch thread per process, as the product runs."""

import torch

torch.set_num_threads(1)
