// Convolution of images and its gradients on GPUs: products of matrices that are read where they lie.
//
//   y[n, o, p] = bias[o] + sum_k weight[o, k] x[n, window p, k]    k = (channel, place in the kernel)
//   partial[part, k, o] = sum of g[n, o, p] x[n, window p, k] over the (n, p) of the part
//                                                                  (of g alone where k = depth)
//
// A group of TILE x TILE work-items computes a square of SIDE = TILE * PER_ITEM channels by SIDE
// positions (n, p), or by SIDE values of k, in steps of TILE along what is summed, through local
// memory. Elements of windows are found by adding two spots, one of the position and one of k; what
// lies in the padding is 0. The gradient by x is a convolution of g, `spread` by the stride, with
// inputs for outputs and the places in the kernel `backwards`; the weight is read by steps.
//
// Layout: x (batch, groups * inputs, height, width), y and g (batch, groups * outputs, out_height,
// out_width), all without gaps; partial (parts, groups, depth + 1, outputs), which conv_sums of
// conv_taps.cl adds. `top` and `left` are the padding before x.
//
// Grid: one dimension: for each group and each part the squares, rows of squares last.
// Limits: batch * positions and the elements of an image below 2^31.
//
// variants: real=float,CPU=0; real=float,CPU=0,TILE=8

#if !CPU
#ifndef TILE
#define TILE 16
#endif
#define PER_ITEM 4
#define SIDE (TILE * PER_ITEM)

// Part of where an element of x lies: elements to skip, and rows and columns of the spread image.
typedef struct {
    i64 skip;
    i32 row, column;
} Spot;

static inline Spot spot_of_place(i32 k, i32 kernel_height, i32 kernel_width, i32 dilation_y,
                                 i32 dilation_x, i32 height, i32 width) {
    const i32 places = kernel_height * kernel_width;
    Spot s;
    s.skip = (i64)(k / places) * height * width;
    s.row = k % places / kernel_width * dilation_y;
    s.column = k % kernel_width * dilation_x;
    return s;
}

static inline Spot spot_of_position(i32 n, i32 p, i32 out_width, i32 stride_y, i32 stride_x, i32 top,
                                    i32 left, i64 image) {
    Spot s;
    s.skip = n * image;
    s.row = p / out_width * stride_y - top;
    s.column = p % out_width * stride_x - left;
    return s;
}

static inline real at(__global const real *x, Spot a, Spot b, i32 spread_y, i32 spread_x, i32 height,
                      i32 width) {
    const i32 row = a.row + b.row, column = a.column + b.column;
    const i32 h = spread_y == 1 ? row : row / spread_y, w = spread_x == 1 ? column : column / spread_x;
    const bool inside = row >= 0 && column >= 0 && h < height && w < width;
    return inside && h * spread_y == row && w * spread_x == column
               ? x[a.skip + b.skip + (i64)h * width + w] : (real)0;
}

#define TILES                                                                        \
    __local real a_tile[TILE][SIDE + 1]; /* + 1: neighbours fall into different banks */ \
    __local real b_tile[TILE][SIDE + 1];                                             \
    __local Spot spots[SIDE];                                                        \
    const i32 me = (i32)get_local_id(0), mine = me % TILE, below = me / TILE;        \
    real sum[PER_ITEM][PER_ITEM];                                                    \
    for (i32 r = 0; r < PER_ITEM; ++r)                                               \
        for (i32 s = 0; s < PER_ITEM; ++s) sum[r][s] = (real)0;

#define EACH_ELEMENT(e) for (i32 e = me; e < TILE * SIDE; e += TILE * TILE)

#define MULTIPLY                                                                     \
    barrier(CLK_LOCAL_MEM_FENCE);                                                    \
    for (i32 p = 0; p < TILE; ++p)                                                   \
        for (i32 r = 0; r < PER_ITEM; ++r)                                           \
            for (i32 s = 0; s < PER_ITEM; ++s)                                       \
                sum[r][s] = mad(a_tile[p][below + r * TILE], b_tile[p][mine + s * TILE], sum[r][s]); \
    barrier(CLK_LOCAL_MEM_FENCE);

__kernel WORK_GROUP(TILE * TILE, 1, 1) void conv_tiled_forward(
    __global const real *x, const i64 x_at, __global const real *weight, const i64 weight_at,
    __global const real *bias, const i64 bias_at, const i64 has_bias, __global real *y,
    const i64 group_step, const i64 out_step, const i64 in_step, const i32 backwards,
    const i32 batch, const i32 groups, const i32 inputs, const i32 outputs, const i32 height,
    const i32 width, const i32 top, const i32 left, const i32 spread_y, const i32 spread_x,
    const i32 out_height, const i32 out_width, const i32 stride_y, const i32 stride_x,
    const i32 kernel_height, const i32 kernel_width, const i32 dilation_y, const i32 dilation_x) {
    TILES
    const i32 plane = out_height * out_width, positions = batch * plane;
    const i32 places = kernel_height * kernel_width, depth = inputs * places;
    const i32 across = (positions + SIDE - 1) / SIDE, down = (outputs + SIDE - 1) / SIDE;
    const i32 job = (i32)get_group_id(0), group = job / across / down;
    const i32 first = job / across % down * SIDE, from = job % across * SIDE;
    const i64 image = (i64)inputs * height * width;
    x += x_at + group * image, weight += weight_at + group * group_step, bias += bias_at;
    for (i32 e = me; e < SIDE; e += TILE * TILE) {
        const i32 n = (from + e) / plane, p = (from + e) % plane;
        spots[e] = spot_of_position(n, p, out_width, stride_y, stride_x, top, left, groups * image);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (i32 start = 0; start < depth; start += TILE) {
        EACH_ELEMENT(e) {
            const i32 o = first + e / TILE, k = start + e % TILE, place = k % places;
            a_tile[e % TILE][e / TILE] =
                o < outputs && k < depth
                    ? weight[o * out_step + k / places * in_step +
                             (backwards ? places - 1 - place : place)]
                    : (real)0;
            const i32 q = start + e / SIDE;
            const Spot spot = spot_of_place(q, kernel_height, kernel_width, dilation_y, dilation_x,
                                            height, width);
            b_tile[e / SIDE][e % SIDE] =
                q < depth && from + e % SIDE < positions
                    ? at(x, spots[e % SIDE], spot, spread_y, spread_x, height, width)
                    : (real)0;
        }
        MULTIPLY
    }
    for (i32 r = 0; r < PER_ITEM; ++r)
        for (i32 s = 0; s < PER_ITEM; ++s) {
            const i32 o = first + below + r * TILE, position = from + mine + s * TILE;
            const i64 channel = (i64)group * outputs + o;
            if (o < outputs && position < positions)
                y[((i64)(position / plane) * groups * outputs + channel) * plane + position % plane] =
                    sum[r][s] + (has_bias ? bias[channel] : (real)0);
        }
}

__kernel WORK_GROUP(TILE * TILE, 1, 1) void conv_tiled_partial(
    __global const real *x, const i64 x_at, __global const real *g, const i64 g_at,
    __global real *partial, const i32 parts, const i32 batch, const i32 groups, const i32 inputs,
    const i32 outputs, const i32 height, const i32 width, const i32 top, const i32 left,
    const i32 out_height, const i32 out_width, const i32 stride_y, const i32 stride_x,
    const i32 kernel_height, const i32 kernel_width, const i32 dilation_y, const i32 dilation_x) {
    TILES
    const i32 plane = out_height * out_width, positions = batch * plane;
    const i32 depth = inputs * kernel_height * kernel_width;
    const i32 across = (depth + SIDE) / SIDE, down = (outputs + SIDE - 1) / SIDE;
    const i32 job = (i32)get_group_id(0), group = job / across / down % groups;
    const i32 part = job / across / down / groups;
    const i32 first = job / across % down * SIDE, from = job % across * SIDE;
    const i32 stop = (i32)((i64)positions * (part + 1) / parts);
    const i64 image = (i64)inputs * height * width;
    x += x_at + group * image, g += g_at + (i64)group * outputs * plane;
    for (i32 e = me; e < SIDE; e += TILE * TILE)
        spots[e] = spot_of_place(from + e, kernel_height, kernel_width, dilation_y, dilation_x,
                                 height, width);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (i32 start = (i32)((i64)positions * part / parts); start < stop; start += TILE) {
        EACH_ELEMENT(e) {
            const i32 o = first + e / TILE, position = start + e % TILE;
            const i32 n = position / plane, p = position % plane, k = from + e / TILE;
            const bool exists = position < stop;
            a_tile[e % TILE][e / TILE] =
                exists && o < outputs ? g[((i64)n * groups * outputs + o) * plane + p] : (real)0;
            const Spot spot = spot_of_position(n, p, out_width, stride_y, stride_x, top, left,
                                               groups * image);
            b_tile[e % TILE][e / TILE] =
                !exists || k > depth ? (real)0
                : k == depth         ? (real)1
                                     : at(x, spots[e / TILE], spot, 1, 1, height, width);
        }
        MULTIPLY
    }
    partial += ((i64)part * groups + group) * (depth + 1) * outputs;
    for (i32 r = 0; r < PER_ITEM; ++r)
        for (i32 s = 0; s < PER_ITEM; ++s) {
            const i32 o = first + below + r * TILE, k = from + mine + s * TILE;
            if (o < outputs && k <= depth) partial[(i64)k * outputs + o] = sum[r][s];
        }
}
#endif
