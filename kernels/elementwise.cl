// y[i] = f(a[i]), f(a[i], b[i]) or f(a[i], b[i], c[i]) over strided, broadcast views.
//
// One program computes one function, OP, for one choice of types:
//   OP         one of the macros of functions.h
//   TA TB TC   element types of the inputs as stored (bool is u8)
//   CT         the type that the function computes in; inputs are converted to it first
//   TO         the element type of the result; a truth value is stored as 0 or 1
//   NDIM       axes left after the host joined what can be joined (at most 8); 1 when all is flat
//   S_A … S_Y  strides of the last axis: the literals 0 and 1 where they are so, else from Layout
//   VECTOR     1 when CPU and the last strides are 0 or 1 (y: 1)
// Grid: one dimension. On a CPU each work-item takes one chunk of y's elements in row-major order
// and walks it row by row, in vectors of LANES; elsewhere a grid-stride loop, an element at a time.
// Limits: 8 axes; a result of 2^63 elements.
//
// variants: OP=op_add,NIN=2,TA=float,TB=float,TC=u8,CT=float,TO=float,NDIM=1,S_A=1,S_B=0,S_C=0,S_Y=1
// variants: OP=op_add,NIN=2,TA=float,TB=float,TC=u8,CT=float,TO=float,NDIM=1,S_A=1,S_B=0,S_C=0,S_Y=1,CPU=1,VECTOR=1
// variants: OP=op_tanh,NIN=1,TA=float,TB=u8,TC=u8,CT=float,TO=float,NDIM=2,S_A=LAST(a),S_B=0,S_C=0,S_Y=1
// variants: OP=op_less,NIN=2,TA=i32,TB=i64,TC=u8,CT=i64,TO=u8,NDIM=3,S_A=1,S_B=LAST(b),S_C=0,S_Y=1
// variants: OP=op_less,NIN=2,TA=i32,TB=i64,TC=u8,CT=i64,TO=u8,NDIM=3,S_A=1,S_B=1,S_C=0,S_Y=1,CPU=1,VECTOR=1
// variants: OP=op_where,NIN=3,TA=u8,TB=float,TC=float,CT=float,TO=float,NDIM=1,S_A=1,S_B=1,S_C=1,S_Y=1
// variants: OP=op_where,NIN=3,TA=u8,TB=float,TC=float,CT=float,TO=float,NDIM=1,S_A=1,S_B=1,S_C=1,S_Y=1,CPU=1,VECTOR=1
// variants: OP=op_floor_divide,NIN=2,TA=float,TB=float,TC=u8,CT=float,TO=float,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1
// variants: OP=op_floor_divide,NIN=2,TA=float,TB=float,TC=u8,CT=float,TO=float,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1,CPU=1,VECTOR=1
// variants: OP=op_logaddexp,NIN=2,TA=double,TB=double,TC=u8,CT=double,TO=double,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1
// variants: OP=op_logaddexp,NIN=2,TA=double,TB=double,TC=u8,CT=double,TO=double,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1,CPU=1,VECTOR=1
// variants: OP=op_nextafter,NIN=2,TA=float,TB=float,TC=u8,CT=float,TO=float,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1
// variants: OP=op_signbit,NIN=1,TA=double,TB=u8,TC=u8,CT=double,TO=u8,NDIM=1,S_A=1,S_B=0,S_C=0,S_Y=1
// variants: OP=op_sin,NIN=1,TA=float,TB=u8,TC=u8,CT=float,TO=float,NDIM=1,S_A=1,S_B=0,S_C=0,S_Y=1
// variants: OP=op_sin,NIN=1,TA=float,TB=u8,TC=u8,CT=float,TO=float,NDIM=1,S_A=1,S_B=0,S_C=0,S_Y=1,CPU=1,VECTOR=1
// variants: OP=op_floor_divide,NIN=2,TA=i8,TB=i8,TC=u8,CT=i8,TO=i8,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1
// variants: OP=op_remainder,NIN=2,TA=u64,TB=u64,TC=u8,CT=u64,TO=u64,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1
// variants: OP=op_remainder,NIN=2,TA=i16,TB=i16,TC=u8,CT=i16,TO=i16,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1,CPU=1,VECTOR=1
// variants: OP=op_bitwise_right_shift,NIN=2,TA=i32,TB=i32,TC=u8,CT=i32,TO=i32,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1
// variants: OP=op_bitwise_left_shift,NIN=2,TA=u8,TB=u8,TC=u8,CT=u8,TO=u8,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1,CPU=1,VECTOR=1
// variants: OP=op_pow,NIN=2,TA=i64,TB=i64,TC=u8,CT=i64,TO=i64,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1
// variants: OP=op_pow,NIN=2,TA=i64,TB=i64,TC=u8,CT=i64,TO=i64,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1,CPU=1,VECTOR=1
// variants: OP=op_pow,NIN=2,TA=float,TB=float,TC=u8,CT=float,TO=float,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1
// variants: OP=op_clip,NIN=3,TA=double,TB=double,TC=double,CT=double,TO=double,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1
// variants: OP=op_clip,NIN=3,TA=u8,TB=u8,TC=u8,CT=u8,TO=u8,NDIM=1,S_A=1,S_B=1,S_C=0,S_Y=1,CPU=1,VECTOR=1
#define PASTE_(x, z) x##z
#define PASTE(x, z) PASTE_(x, z)
#include "vectors.h"
#include "functions.h"

#define IS_float 1
#define IS_double 2
#define FLOATING PASTE(IS_, CT)

#define W CT
#define VECTORIAL 0
#include "bodies.h"
#if VECTOR
#undef W
#undef VECTORIAL
#define W V
#define VECTORIAL 1
#include "bodies.h"
#endif
#undef W

// -- where elements lie ----------------------------------------------------------------------------

typedef struct {
    i64 shape[8], a[8], b[8], c[8], y[8];
} Layout;

#define LAST(x) at.x[NDIM - 1]

// Adds to p* the offset of y's element i in row-major order; leaves its place on the last axis to
// the caller.
#define LOCATE(i)                                                  \
    i64 pa = 0, pb = 0, pc = 0, py = 0, row = (i) / inner;         \
    for (int d = NDIM - 2; d >= 0; --d) {                          \
        const i64 at_d = row % at.shape[d];                        \
        row /= at.shape[d];                                        \
        pa += at_d * at.a[d], pb += at_d * at.b[d];                \
        pc += at_d * at.c[d], py += at_d * at.y[d];                \
    }

#if CPU
#define WALK(VECTORS, SCALAR)                                      \
    const i64 inner = NDIM == 1 ? n : at.shape[NDIM - 1];          \
    const i64 last = CHUNK_END(n);                                 \
    for (i64 i = CHUNK_START(n); i < last;) {                      \
        LOCATE(i)                                                  \
        i64 k = i % inner;                                         \
        const i64 stop = min(inner, k + last - i);                 \
        i += stop - k;                                             \
        VECTORS                                                    \
        for (; k < stop; ++k) { SCALAR }                           \
    }
#else
#define WALK(VECTORS, SCALAR)                                      \
    const i64 inner = NDIM == 1 ? n : at.shape[NDIM - 1];          \
    FOR_EACH(i, n) {                                               \
        LOCATE(i)                                                  \
        const i64 k = i % inner;                                   \
        SCALAR                                                     \
    }
#endif

#define GET(x, px, S) ((CT)x[px + k * (S)])
#define PUT(v) y[py + k * (S_Y)] = (TO)(v);

#if VECTOR
// A stride of 0 is one element for all lanes.
#define LOAD(T, x, px, S) ((S) ? vload16(0, x + px + k * (S)) : (VECTOR_OF(T))(x[px]))
#define GETV(T, x, px, S) TO_VECTOR(CT, LOAD(T, x, px, S))
#define VECTORS(BODY)                                                               \
    {                                                                               \
        const bool past = goes_past_caches(y + py + k, n);                          \
        for (; k + LANES <= stop; k += LANES) {                                     \
            BODY                                                                    \
        }                                                                           \
    }
#define PUTV(v) put_vector(y + py + k, TO_VECTOR(TO, v), past);
#else
#define VECTORS(BODY)
#endif

#if NIN == 1
__kernel void map1(__global const TA *a, const i64 a_at, __global TO *y, const i64 y_at,
                   const i64 n, const Layout at) {
    a += a_at, y += y_at;
    WALK(VECTORS(const V x = GETV(TA, a, pa, S_A);
                 PUTV(OP(V, x))),
         const CT x = GET(a, pa, S_A);
         PUT(OP(CT, x)))
}
#elif NIN == 2
__kernel void map2(__global const TA *a, const i64 a_at, __global const TB *b, const i64 b_at,
                   __global TO *y, const i64 y_at, const i64 n, const Layout at) {
    a += a_at, b += b_at, y += y_at;
    WALK(VECTORS(const V x = GETV(TA, a, pa, S_A);
                 const V z = GETV(TB, b, pb, S_B);
                 PUTV(OP(V, x, z))),
         const CT x = GET(a, pa, S_A);
         const CT z = GET(b, pb, S_B);
         PUT(OP(CT, x, z)))
}
#else
// The first operand stays as it is stored: where has a truth value there.
__kernel void map3(__global const TA *a, const i64 a_at, __global const TB *b, const i64 b_at,
                   __global const TC *c, const i64 c_at, __global TO *y, const i64 y_at,
                   const i64 n, const Layout at) {
    a += a_at, b += b_at, c += c_at, y += y_at;
    WALK(VECTORS(const VECTOR_OF(TA) x = LOAD(TA, a, pa, S_A);
                 const V z = GETV(TB, b, pb, S_B);
                 const V w = GETV(TC, c, pc, S_C);
                 PUTV(OP(V, x, z, w))),
         const TA x = a[pa + k * (S_A)];
         const CT z = GET(b, pb, S_B);
         const CT w = GET(c, pc, S_C);
         PUT(OP(CT, x, z, w)))
}
#endif
