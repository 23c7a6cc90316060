// Convolution of images and its gradients on processors, without a matrix of all windows.
//
//   y[n, o, p] = bias[o] + sum_k x[n, window p, k] taps[k, o]       k = (channel, place in the kernel)
//   partial[k, o] = sum_p x[n, window p, k] g[n, o, p]              (the sums of g where k = depth)
//
// Output channels are the lanes: a tile of PIXELS neighbours in a row of y by WIDTH = VECTORS * LANES
// channels has its sums in registers; a step along k takes VECTORS loads of taps, and for each pixel
// a single element of x and VECTORS fused multiply-adds. So neither strides nor dilation nor short
// rows cost a lane. The last tile of a row reaches back over the one before it.
//
// The gradient by x is a convolution of g, `spread` by the stride and framed anew, with the taps in
// reverse and inputs for outputs. The gradient by the weight has tiles of ROWS values of k instead
// of pixels, and a work-item keeps partial sums of its own (conv_taps.cl: the taps, and the sums of
// the partial sums).
//
// Layout: x (batch, groups * inputs, height, width), y and g (batch, groups * outputs, out_height,
// out_width), all without gaps. An image is copied into a frame (inputs, tall, wide) of zeros, where
// window p begins at p * stride and element k stands places[k] behind it. taps is (groups, blocks,
// depth, WIDTH) with depth = inputs * kernel_height * kernel_width, blocks = outputs / WIDTH rounded
// up, and 0 for channels that do not exist; y is gathered as (pixels, WIDTH) and then transposed in
// squares of LANES. Both stand in the item's part of `scratch`, `room` elements long.
//
// Grid: any number of work-items; each takes a run of the batch * parts jobs, where a job is an
// image, or some rows of y of an image.
// Limits: 2 outputs depth pixels operations over the peak of fused multiply-adds. An image's frame
// has less than 2^31 elements.
//
// variants: real=float,CPU=1,VECTORS=4,PIXELS=7,STRIDE=1; real=double,CPU=1,VECTORS=2,STRIDE=0

#if CPU
#define ROWS 6
#include "conv_frames.h"

static inline void fill_places(__global i32 *places, i64 inputs, i64 kernel_height,
                               i64 kernel_width, i64 dilation_y, i64 dilation_x, i64 tall,
                               i64 wide) {
    for (i64 c = 0; c < inputs; ++c)
        for (i64 h = 0; h < kernel_height; ++h)
            for (i64 w = 0; w < kernel_width; ++w)
                *places++ = (i32)((c * tall + h * dilation_y) * wide + w * dilation_x);
}

typedef struct {
    i64 batch, groups, inputs, outputs;
    i64 height, width, top, left, spread_y, spread_x, tall, wide; // x, and its frame
    i64 out_height, out_width, stride_y, stride_x;
    i64 kernel_height, kernel_width, dilation_y, dilation_x;
    i64 parts, room; // of an image, and elements of scratch that a work-item has
} Geometry;

// What an item has in scratch: places, a frame, and rows of WIDTH channels.
#define SCRATCH                                                                               \
    const i64 size = LINES(g.tall * g.wide * g.inputs), plane = g.out_height * g.out_width;   \
    const i64 depth = g.inputs * g.kernel_height * g.kernel_width;                            \
    const i64 blocks = (g.outputs + WIDTH - 1) / WIDTH, me = (i64)get_global_id(0);           \
    scratch += me * g.room;                                                                   \
    __global i32 *places = (__global i32 *)scratch;                                           \
    __global real *frame = scratch + LINES(depth), *pixels = frame + size;                    \
    for (i64 e = 0; e < size; ++e) frame[e] = 0;                                              \
    fill_places(places, g.inputs, g.kernel_height, g.kernel_width, g.dilation_y,              \
                g.dilation_x, g.tall, g.wide);

// Each group of each job: an image in the frame, and rows [first, last) of y.
#define FOR_IMAGES                                                                            \
    const i64 jobs = g.batch * g.parts, items = (i64)get_global_size(0);                      \
    for (i64 turn = jobs * me / items * g.groups; turn < jobs * (me + 1) / items * g.groups;  \
         ++turn)

#define JOB                                                                                   \
    const i64 group = turn % g.groups, job = turn / g.groups, part = job % g.parts;           \
    const i64 image = job / g.parts * g.groups + group;                                       \
    const i64 first = g.out_height * part / g.parts;                                          \
    const i64 last = g.out_height * (part + 1) / g.parts, count = (last - first) * g.out_width; \
    fill_frame(frame, x + image * g.inputs * g.height * g.width, g.inputs, g.height, g.width, \
               g.top, g.left, g.spread_y, g.spread_x, g.tall, g.wide);

#define STEP (STRIDE ? STRIDE : g.stride_x)

#ifdef PIXELS
// pixels[pixel][lane] of rows [first, last) = start + sum_k frame taps.
#define ROW_TILE(i, j)                                                                        \
    {                                                                                         \
        V sum[PIXELS][VECTORS];                                                               \
        EACH_SUM(PIXELS) sum[r][w] = start[w];                                                \
        __global const real *from = frame + (i) * g.stride_y * g.wide + (j) * g.stride_x;     \
        __global const real *row = tap;                                                       \
        for (i64 k = 0; k < depth; ++k, row += WIDTH) {                                       \
            __global const real *one = from + places[k];                                      \
            V vectors[VECTORS];                                                               \
            UNROLL for (int w = 0; w < VECTORS; ++w) vectors[w] = LOAD(w, row);               \
            UNROLL for (int r = 0; r < PIXELS; ++r) {                                         \
                const V e = (V)(one[r * STEP]);                                               \
                UNROLL for (int w = 0; w < VECTORS; ++w)                                      \
                    sum[r][w] = fma(e, vectors[w], sum[r][w]);                                \
            }                                                                                 \
        }                                                                                     \
        __global real *to = pixels + (((i) - first) * g.out_width + (j)) * WIDTH;             \
        EACH_SUM(PIXELS) STORE(sum[r][w], r * VECTORS + w, to);                               \
    }

__kernel WORK_GROUP(1, 1, 1) void conv_forward(
    __global const real *x, const i64 x_at, __global const real *taps, __global const real *bias,
    const i64 bias_at, const i64 has_bias, __global real *y, __global real *scratch,
    const Geometry g) {
    x += x_at, bias += bias_at;
    SCRATCH
    FOR_IMAGES {
        JOB
        for (i64 block = 0; block < blocks; ++block) {
            const i64 channel = block * WIDTH, there = g.outputs - channel;
            __global const real *tap = taps + (group * blocks + block) * depth * WIDTH;
            real each[WIDTH];
            for (int w = 0; w < WIDTH; ++w)
                each[w] = has_bias && w < there ? bias[group * g.outputs + channel + w] : (real)0;
            V start[VECTORS];
            UNROLL for (int w = 0; w < VECTORS; ++w) start[w] = LOAD(w, each);
            for (i64 i = first; i < last; ++i)
                for (i64 j = 0; j < g.out_width; j += PIXELS)
                    ROW_TILE(i, min(j, g.out_width - PIXELS))
            __global real *to = y + (image * g.outputs + channel) * plane + first * g.out_width;
            for (int w = 0; w < WIDTH && w < there; w += LANES)
                put_channels(to + w * plane, plane, pixels + w, count, there - w);
        }
    }
}

#else
// sums[k .. k + R)[lane] += sum of frame (or of 1 for k = depth) times g, in rows [first, last).
#define TAP_TILE(R)                                                                           \
    {                                                                                         \
        V sum[R][VECTORS];                                                                    \
        __global const real *from[R];                                                         \
        EACH_SUM(R) sum[r][w] = LOAD(w, sums + (k + r) * WIDTH);                              \
        UNROLL for (int r = 0; r < R; ++r) from[r] = frame + places[k + r];                   \
        __global const real *row = pixels;                                                    \
        for (i64 i = first; i < last; ++i) {                                                  \
            i64 at = i * g.stride_y * g.wide;                                                 \
            for (i64 j = 0; j < g.out_width; ++j, at += STEP, row += WIDTH) {                 \
                V vectors[VECTORS];                                                           \
                UNROLL for (int w = 0; w < VECTORS; ++w) vectors[w] = LOAD(w, row);           \
                UNROLL for (int r = 0; r < R; ++r) {                                          \
                    const V e = (V)(from[r][at]);                                             \
                    UNROLL for (int w = 0; w < VECTORS; ++w)                                  \
                        sum[r][w] = fma(e, vectors[w], sum[r][w]);                            \
                }                                                                             \
            }                                                                                 \
        }                                                                                     \
        EACH_SUM(R) STORE(sum[r][w], w, sums + (k + r) * WIDTH);                              \
    }

// partial[item, group, block, k, lane], k = 0 .. depth
__kernel WORK_GROUP(1, 1, 1) void conv_partial(
    __global const real *x, const i64 x_at, __global const real *above, const i64 above_at,
    __global real *partial, __global real *scratch, const Geometry g) {
    x += x_at, above += above_at;
    SCRATCH
    const i64 each = (depth + 1) * WIDTH;
    partial += me * g.groups * blocks * each;
    for (i64 e = 0; e < g.groups * blocks * each; ++e) partial[e] = 0;
    FOR_IMAGES {
        JOB
        for (i64 block = 0; block < blocks; ++block) {
            const i64 channel = block * WIDTH;
            __global const real *from =
                above + (image * g.outputs + channel) * plane + first * g.out_width;
            for (int w = 0; w < WIDTH; w += LANES)
                get_channels(pixels + w, from + w * plane, plane, count, g.outputs - channel - w);
            __global real *sums = partial + (group * blocks + block) * each;
            i64 k = 0;
            for (; k + ROWS <= depth; k += ROWS) TAP_TILE(ROWS)
            for (; k < depth; ++k) TAP_TILE(1)
            add_pixels(sums + depth * WIDTH, pixels, count);
        }
    }
}
#endif
#endif
