// Bounds of a falling convex function between the points at which it is known: chords and tangents.
#include "device.cuh"
#include "tables.cuh"

constexpr int THREADS = 512;

// What is known at the points before and after s.
struct Around {
    int here, after;

    __device__ Around(const double* points, int count, double s) {
        const int upto = at_most(points, count, s);
        here = max(upto - 1, 0), after = min(upto, count - 1);
    }
};

// Grid: splits * rows blocks; `above` and `below` may be where `least` and `most` are. The slope is that to
// the right of a point, with its sign turned. Shared memory: 8 bytes a point.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    slack_bounds(const double* points, const double* value, const double* slope, const double* least,
                 const double* most, double* above, double* below, int count, int size, int splits) {
    DYNAMIC_SHARED(memory);
    double* own = (double*)memory;
    const long long row = blockIdx.x / splits;
    copy_table(own, points + row * count, count);
    __syncthreads();
    value += row * count, slope += row * count;
    least += row * size, most += row * size, above += row * size, below += row * size;
    const Chunk chunk(size, splits, blockIdx.x % splits);
    for (int i = chunk.begin + threadIdx.x; i < chunk.end; i += blockDim.x) {
        const double s = least[i], t = most[i];
        const Around low(own, count, s), high(own, count, t);
        const double width = own[low.after] - own[low.here];
        const double part = fmin(fmax((s - own[low.here]) / (width > 0 ? width : 1.0), 0.0), 1.0);
        above[i] = value[low.here] - part * (value[low.here] - value[low.after]);
        const double right = value[high.here] - slope[high.here] * (t - own[high.here]);
        const double left = value[high.after] + slope[high.after] * fmax(own[high.after] - t, 0.0);
        below[i] = fmax(fmax(right, left), 0.0);
    }
}
