"""cuBLAS through torch.matmul in f16, f32 sums, at the shapes of bench-matmul-variants.mjs. Usage: python peer_matmul.py DIRECTORY"""

import statistics
import sys
import time
from pathlib import Path

import torch

SHAPES = [
    (4096, 4096, 4096),
    (8192, 8192, 8192),
    (32768, 1024, 1024),
    (32768, 2816, 1024),
    (32768, 1024, 2816),
    (8192, 32000, 1024),
]
SAMPLES = 12
SECONDS = 0.012

torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False


def measure(m, n, k):
    """Median seconds of x [m, k] times W [n, k]^T, f16 result, over three pairs of operands in turn."""
    pairs = [
        (torch.rand(m, k, device="cuda").mul_(2).sub_(1).half(), torch.rand(n, k, device="cuda").mul_(2).sub_(1).half())
        for _ in range(3)
    ]
    out = torch.empty(m, n, device="cuda", dtype=torch.float16)

    def run(count):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for i in range(count):
            x, w = pairs[i % 3]
            torch.matmul(x, w.t(), out=out)
        torch.cuda.synchronize()
        return (time.perf_counter() - begin) / count

    run(3)
    count = max(2, min(128, round(SECONDS / run(3))))
    return statistics.median(run(count) for _ in range(SAMPLES))


lines = ["shape,TFLOP/s,device"]
for m, n, k in SHAPES:
    seconds = measure(m, n, k)
    lines.append(f"{m}x{n}x{k},{2 * m * n * k / seconds / 1e12:.1f},{torch.cuda.get_device_name()}")
    print(lines[-1], flush=True)
directory = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
directory.mkdir(parents=True, exist_ok=True)
(directory / "peer-matmul.csv").write_text("\n".join(lines) + "\n")
