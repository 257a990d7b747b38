// Rates that take a few passes over a row: recursive rejection's, and K-SEQ's. One block a row.
#include "device.cuh"

constexpr int THREADS = 512;

// Of some tokens: what q has there, and how much more p has.
struct Part {
    double mass, gain;
};

__device__ inline Part operator+(Part a, Part b) { return {a.mass + b.mass, a.gain + b.gain}; }

// A row, and sums over its tokens that every thread gets.
struct Row {
    const double *p, *q;
    int vocabulary;
    Part* scratch;

    template <class Sum, class Term>
    __device__ Sum sum(Term term) const {
        Sum own = {};
        for (int i = threadIdx.x; i < vocabulary; i += blockDim.x) own = own + term(p[i], q[i]);
        return over_block(own, (Sum*)scratch, [](Sum a, Sum b) { return a + b; });
    }

    __device__ double excess(double t) const {
        return sum<double>([t](double a, double b) { return fmax(a - t * b, 0.0); });
    }

    __device__ double overlap(double t) const {
        return sum<double>([t](double a, double b) { return fmin(a, t * b); });
    }

    // Of the tokens with p > t q.
    __device__ Part above(double t) const {
        return sum<Part>([t](double a, double b) { return a > t * b ? Part{b, a - b} : Part{}; });
    }
};

// The s in [0, 1] with s^n + mass (s + ... + s^(n-1)) = gain: Newton from the right, as the left side is
// convex and grows.
__device__ inline double miss_chance(double mass, double gain, int n) {
    if (!(gain > 0)) return 0;
    double s = fmin(1.0, pow(gain, 1.0 / n));
    if (mass > gain) s = fmin(s, gain / mass);
#pragma unroll 1
    for (int step = 0; step < 200; ++step) {
        double value = 1, slope = 0;
        for (int k = 1; k < n; ++k) {
            slope = slope * s + value;
            value = value * s + mass;
        }
        slope = slope * s + value;
        const double below = s - (value * s - gain) / slope;
        if (!(below < s)) break;
        s = below;
    }
    return s;
}

// Grid: rows blocks. F(t_n), t_{k+1} = t_k + 1 - F(t_k).
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    recursive_rates(const double* p, const double* q, long long p_stride, long long q_stride, double* value,
                    int vocabulary, int n) {
    __shared__ Part scratch[THREADS / WARP];
    const long long place = blockIdx.x;
    const Row row{p + place * p_stride, q + place * q_stride, vocabulary, scratch};
    double t = 0;
#pragma unroll 1
    for (int k = 0; k < n; ++k) t += row.excess(t);
    const double found = row.overlap(t);
    if (threadIdx.x == 0) value[place] = found;
}

// Grid: rows blocks. The discount and its rate; the discount is 1 where nothing is ever accepted.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    discounts(const double* p, const double* q, long long p_stride, long long q_stride, double* gamma,
              double* value, int vocabulary, int n) {
    __shared__ Part scratch[THREADS / WARP];
    const long long place = blockIdx.x;
    const Row row{p + place * p_stride, q + place * q_stride, vocabulary, scratch};
    double s = 0, discount = 1;
#pragma unroll 1
    while (true) {
        // All threads hold the same numbers, so that they leave together.
        const Part above = row.above(discount);
        const double more = miss_chance(above.mass, above.gain, n);
        if (!(more > s)) break;
        s = more;
        double next = 1;
        for (int k = 1; k < n; ++k) next = next * s + 1;
        if (!(next > discount)) break;
        discount = next;
    }
    const double found = row.overlap(discount);
    if (threadIdx.x > 0) return;
    gamma[place] = found > 0 ? discount : 1.0;
    value[place] = found;
}
