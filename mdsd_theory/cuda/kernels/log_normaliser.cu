// log2 of the sum of exponentials of whole rows of logits, of target and draft in one launch.
#include "exponentials.cuh"

constexpr int THREADS = BLOCK_THREADS;

// Grid: rows * 2 * splits blocks; `partial` (rows, 2, splits); `tickets` (rows) are zero.
extern "C" __global__ void __launch_bounds__(THREADS)
    log_normaliser(const Element* p, const Element* q, long long p_stride, long long q_stride,
                   Exponentials* partial, u32* tickets, Scale* scales, int vocabulary, int splits,
                   float factor) {
    __shared__ Exponentials scratch[THREADS / WARP];
    const int row = blockIdx.x / (2 * splits), part = blockIdx.x % (2 * splits);
    const int split = part % splits;
    const int chunk = ((vocabulary + splits - 1) / splits + 15) / 16 * 16;
    const int begin = min(split * chunk, vocabulary), end = min(begin + chunk, vocabulary);
    const Element* x = part < splits ? p + row * p_stride : q + row * q_stride;
    const Exponentials own = block_merged(of_chunk(x, begin, end, factor), scratch);
    Exponentials* of_row = partial + (long long)row * 2 * splits;
    if (threadIdx.x == 0) of_row[part] = own;
    if (!last_of_row(&tickets[row], 2 * splits)) return;
    const Exponentials of_p = merged_parts(of_row, splits, 1, scratch);
    const Exponentials of_q = merged_parts(of_row + splits, splits, 1, scratch);
    if (threadIdx.x == 0) scales[row] = scale_of({of_p, of_q}, factor);
}
