// What stands before and behind the kernels of conv.cl: weights as taps, and sums of partial sums.
//
//   taps[group, block, (i, t), lane] = weight[group, o, i, t]       o = block * wide + lane
//   weight[group, o, k], bias[group, o] = sum over items of partial[item, group, block, k, lane]
//
// Lanes of channels that do not exist are 0. The weight is read by steps: for the gradient by x
// inputs and outputs change places, and `backwards` takes the places in the kernel in reverse.
// The sums run over the items in their order; k = depth is the bias.
//
// Grid: FOR_EACH over the rows of taps, and over the elements of weight and bias.
// Limits: memory, which is small beside a convolution's work.
//
// variants: real=float

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

__kernel void conv_sums(__global const real *partial, __global real *weight, __global real *bias,
                        const i64 wide, const i64 items, const i64 groups,
                        const i64 outputs, const i64 depth) {
    const i64 blocks = (outputs + wide - 1) / wide;
    FOR_EACH(e, groups * outputs * (depth + 1)) {
        const i64 channel = e / (depth + 1), k = e % (depth + 1), o = channel % outputs;
        const i64 block = channel / outputs * blocks + o / wide;
        __global const real *from = partial + (block * (depth + 1) + k) * wide + o % wide;
        real sum = 0;
        for (i64 n = 0; n < items; ++n) sum += from[n * groups * blocks * (depth + 1) * wide];
        if (k < depth) weight[channel * depth + k] = sum;
        else bias[channel] = sum;
    }
}
