"""Cost per element of real FFTs (there and back) at lengths m * 2^a, relative to powers of two.

    python -m geometric_hyena.benchmarks.fft_lengths

The medians are the table in `geometric_hyena/operators/fft.py`.
"""

import math
import statistics
import time

import torch

ODD_PARTS = (1, 3, 5, 7, 9, 11, 13, 15, 21, 25, 27, 33, 35, 39, 45, 49)


def seconds_per_element(length: int, repeats: int = 7) -> float:
    """Best of `repeats` transforms of about 2^18 numbers, there and back."""
    rows = max(1, (1 << 18) // length)
    signal = torch.randn(rows, length)
    spectrum = torch.empty(rows, length // 2 + 1, dtype=torch.complex64)
    back = torch.empty(rows, length)
    best = math.inf
    for _ in range(repeats):
        start = time.perf_counter()
        torch.fft.rfft(signal, out=spectrum)
        torch.fft.irfft(spectrum, n=length, out=back)
        best = min(best, time.perf_counter() - start)
    return best / rows / length


def main() -> None:
    """Print the median cost of every odd part."""
    torch.set_num_threads(1)
    ratios: dict[int, list[float]] = {odd: [] for odd in ODD_PARTS}
    for exponent in range(10, 17):
        reference = seconds_per_element(1 << exponent)
        for odd in ODD_PARTS:
            length = odd << max(2, round(exponent - math.log2(odd)))
            ratios[odd].append(seconds_per_element(length) / reference)
    for odd, values in ratios.items():
        print(f"{odd:3d}  {statistics.median(values):.2f}")


if __name__ == "__main__":
    main()
