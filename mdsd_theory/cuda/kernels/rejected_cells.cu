// Sums of |p - q| and of q over cells of tokens: the place of (p - q)/q among a row's points, and a group.
//
// In double precision, not in fixed point: of a row whose largest token has all but 1e-12 of q, the law of
// the others is asked for.
#include "device.cuh"
#include "tables.cuh"

constexpr int THREADS = 512;

// Place 0 is p <= q, place k from the k-th point up to the next.
__device__ inline int place_of(double p, double q, const double* points, int count) {
    const double more = p - q;
    if (!(more > 0)) return 0;
    return more < points[count - 1] * q ? at_most(points, count, more / q) : count;
}

// Groups 0 and 1 are one token each; `edges` has the least q of each group, the last group first.
__device__ inline int group_of(int token, double q, const long long* top, const double* edges, int count) {
    if (count == 1 || token == top[0]) return 0;
    return token == top[1] ? 1 : max(2, count - at_most(edges, count, q));
}

// Grid: splits * rows blocks. `gap` and `mass` (rows, count + 1, groups) are zero. Shared memory: 8 bytes
// for each point and edge.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    rejected_cells(const double* p, const double* q, long long p_stride, long long q_stride,
                   const double* points, const double* edges, const long long* top, double* gap,
                   double* mass, int vocabulary, int count, int groups, int splits) {
    DYNAMIC_SHARED(memory);
    double* own_points = (double*)memory;
    double* own_edges = own_points + count;
    const long long row = blockIdx.x / splits, cells = (long long)(count + 1) * groups;
    copy_table(own_points, points + row * count, count);
    copy_table(own_edges, edges + row * groups, groups);
    __syncthreads();
    p += row * p_stride, q += row * q_stride, top += 2 * row, gap += row * cells, mass += row * cells;
    const Chunk chunk(vocabulary, splits, blockIdx.x % splits);
    double first_gap = 0, first_mass = 0;  // of one group, more tokens are in cell 0 than in all others
    for (int i = chunk.begin + threadIdx.x; i < chunk.end; i += blockDim.x) {
        const double a = p[i], b = q[i];
        const int group = group_of(i, b, top, own_edges, groups);
        const int cell = place_of(a, b, own_points, count) * groups + group;
        if (cell == 0) {
            first_gap += fabs(a - b), first_mass += b;
            continue;
        }
        if (a != b) atomicAdd(gap + cell, fabs(a - b));
        if (b > 0) atomicAdd(mass + cell, b);
    }
    const auto add = [](double a, double b) { return a + b; };
    first_gap = over_warp(first_gap, add), first_mass = over_warp(first_mass, add);
    if (threadIdx.x % WARP == 0 && first_mass > 0) atomicAdd(gap, first_gap), atomicAdd(mass, first_mass);
}
