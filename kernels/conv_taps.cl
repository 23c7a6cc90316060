// What stands before and behind the kernels of conv.cl: weights as taps, and sums of partial sums.
//
//   taps[group, block, (i, t), lane] = weight[group, o, i, t]       o = block * wide + lane
//   weight[group, o, k], bias[group, o] = sum over items of partial[item, group, block, k, lane]
//
// Lanes of channels that do not exist are 0. The weight is read by steps: for the gradient by x
// inputs and outputs change places, and `backwards` takes the places in the kernel in reverse.
// The sums run over the items in their order; k = depth is the bias.
//
// Grid: FOR_EACH over the rows of taps, and over the elements of weight and bias; on processors
// conv_sums takes squares of them, in any number of work-items.
// Limits: memory, which is small beside a convolution's work.
//
// variants: real=float

#if CPU
#define LANES 16
#define V JOIN(real, LANES)
#define UNROLL _Pragma("unroll")
#include "transpose.h"
#endif

__kernel void conv_taps(__global const real *weight, const i64 weight_at, __global real *taps,
                        const i64 wide, const i64 groups, const i64 inputs, const i64 outputs,
                        const i64 places, const i64 group_step, const i64 out_step,
                        const i64 in_step, const i64 backwards) {
    const i64 depth = inputs * places, blocks = (outputs + wide - 1) / wide;
    FOR_EACH(row, groups * blocks * depth) {
        const i64 group = row / (blocks * depth), first = row / depth % blocks * wide;
        const i64 input = row % depth / places, place = row % places;
        __global const real *from = weight + weight_at + group * group_step + first * out_step +
                                    input * in_step + (backwards ? places - 1 - place : place);
        for (i64 w = 0; w < wide; ++w)
            taps[row * wide + w] = first + w < outputs ? from[w * out_step] : (real)0;
    }
}

// The element of weight and bias that stands at (channel, k), from an item's partial sums.
static inline void put_sum(__global const real *from, __global real *weight, __global real *bias,
                           i64 channel, i64 k, i64 depth, i64 items, i64 item_step) {
    real sum = 0;
    for (i64 n = 0; n < items; ++n) sum += from[n * item_step];
    if (k < depth) weight[channel * depth + k] = sum;
    else bias[channel] = sum;
}

__kernel void conv_sums(__global const real *partial, __global real *weight, __global real *bias,
                        const i64 wide, const i64 items, const i64 groups, const i64 outputs,
                        const i64 depth) {
    const i64 blocks = (outputs + wide - 1) / wide, item_step = groups * blocks * (depth + 1) * wide;
#if CPU
    // Squares of LANES channels by LANES values of k, each read and written along its rows.
    const i64 strips = (outputs + LANES - 1) / LANES, squares = depth / LANES + 1;
    const i64 jobs = groups * strips * squares, me = (i64)get_global_id(0);
    const i64 last = jobs * (me + 1) / (i64)get_global_size(0);
    for (i64 job = jobs * me / (i64)get_global_size(0); job < last; ++job) {
        const i64 group = job / (strips * squares), o = job / squares % strips * LANES;
        const i64 k = job % squares * LANES, there = min(outputs - o, (i64)LANES);
        const i64 channel = group * outputs + o, block = group * blocks + o / wide;
        __global const real *from = partial + (block * (depth + 1) + k) * wide + o % wide;
        if (k + LANES <= depth && there == LANES) {
            V x[LANES], y[LANES];
            UNROLL for (int h = 0; h < LANES; ++h) x[h] = (V)(0);
            for (i64 n = 0; n < items; ++n)
                UNROLL for (int h = 0; h < LANES; ++h)
                    x[h] += vload16(0, from + n * item_step + h * wide);
            TRANSPOSE(x, y)
            UNROLL for (int h = 0; h < LANES; ++h)
                vstore16(TRANSPOSED[h], 0, weight + (channel + h) * depth + k);
        } else {
            for (i64 h = 0; h < there; ++h)
                for (i64 e = k; e <= min(k + LANES - 1, depth); ++e)
                    put_sum(from + (e - k) * wide + h, weight, bias, channel + h, e, depth, items,
                            item_step);
        }
    }
#else
    FOR_EACH(e, groups * outputs * (depth + 1)) {
        const i64 channel = e / (depth + 1), k = e % (depth + 1), o = channel % outputs;
        const i64 block = channel / outputs * blocks + o / wide;
        put_sum(partial + (block * (depth + 1) + k) * wide + o % wide, weight, bias, channel, k,
                depth, items, item_step);
    }
#endif
}
