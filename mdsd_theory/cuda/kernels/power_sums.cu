// Sums of z^d and of m z^d over a row, d = 0 ... DEGREE, in one pass. One block a row.
#include "device.cuh"

constexpr int THREADS = 512;
constexpr int COUNT = DEGREE + 1;

// Grid: rows blocks. `sums` has shape (rows, 2, COUNT): first of z^d, then with marks.
extern "C" __global__ void __launch_bounds__(THREADS)
    power_sums(const double* marks, const double* z, long long marks_stride, long long z_stride, double* sums,
               int vocabulary) {
    __shared__ double scratch[THREADS / WARP];
    const long long row = blockIdx.x;
    marks += row * marks_stride, z += row * z_stride, sums += row * 2 * COUNT;
    double plain[COUNT] = {}, marked[COUNT] = {};
    for (int i = threadIdx.x; i < vocabulary; i += blockDim.x) {
        const double base = z[i];
        double power = 1, product = marks[i];
#pragma unroll
        for (int d = 0; d < COUNT; ++d) {
            plain[d] += power, marked[d] += product;
            power *= base, product *= base;
        }
    }
    const auto add = [](double a, double b) { return a + b; };
#pragma unroll
    for (int d = 0; d < COUNT; ++d) {
        const double one = over_block(plain[d], scratch, add), other = over_block(marked[d], scratch, add);
        if (threadIdx.x == 0) sums[d] = one, sums[COUNT + d] = other;
    }
}
