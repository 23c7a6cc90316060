// The dialect of our kernel files, read as OpenCL C 1.2. Its twin opencl_as_cuda.h reads the same
// files as CUDA; what a kernel uses beyond plain C must stand in both.
//
// Types      i8 … i64, u8 … u64 (never long or int sizes by chance); `real` is the element type and
//            comes as a define. Literals are written (real)0.5, so that float stays float.
// Kernels    are written out as `__kernel void name(...)`, not made by macros, because the loader
//            reads their arguments; WORK_GROUP(x, y, z) may stand before `void`. No argument is
//            called as an OpenCL function (`step`), which some drivers take for a macro. Helpers
//            are `static inline`; a local pointer among their arguments is `LOCAL_PTR real *x`.
// Offsets    a pointer argument `x` followed by `const i64 x_at` takes a view: the launcher fills
//            x_at by itself, and the kernel starts with `x += x_at;`.
// Loops      FOR_EACH(i, n): on a CPU (CPU is 1) every work-item takes one contiguous chunk of
//            [0, n), from CHUNK_START(n) to CHUNK_END(n); elsewhere a grid-stride loop.
// Vectors    float16 and its kind only under `#if CPU`, with exact scalar code for the tail.
//            EACH(n, BODY) does both: BODY(T) is a macro that works on element `i` of its pointers,
//            read and written as AT(T, x); T is `wide` (16 elements) on a CPU, `real` for the tail
//            and elsewhere. It needs `real`.
// Variants   a line `// variants: real=float,CPU=0; …` in a file's head names what is compiled in
//            the tests.
#ifdef cl_khr_fp64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif

typedef char i8;
typedef short i16;
typedef int i32;
typedef long i64;
typedef uchar u8;
typedef ushort u16;
typedef uint u32;
typedef ulong u64;

#ifndef CPU
#define CPU 0
#endif

#define LOCAL_PTR __local
#define WORK_GROUP(x, y, z) __attribute__((reqd_work_group_size(x, y, z)))

// Chunks start at multiples of 16 elements: whole vectors, and no cache line shared by two threads.
static inline i64 chunk_edge(i64 n, i64 index) {
    i64 size = (i64)get_global_size(0);
    i64 chunk = ((n + size - 1) / size + 15) / 16 * 16;
    return min(chunk * index, n);
}
#define CHUNK_START(n) chunk_edge((n), (i64)get_global_id(0))
#define CHUNK_END(n) chunk_edge((n), (i64)get_global_id(0) + 1)

#define AT(T, x) (*(__global T *)((x) + i))

#if CPU
#define FOR_EACH(i, n) for (i64 i = CHUNK_START(n), i##_end = CHUNK_END(n); i < i##_end; ++i)
#ifdef real
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
// Aligned like one element, because a view may begin anywhere.
typedef JOIN(real, 16) wide __attribute__((aligned(sizeof(real))));
#endif
#define EACH(n, BODY)                       \
    {                                       \
        i64 i = CHUNK_START(n);             \
        const i64 end = CHUNK_END(n);       \
        for (; i + 16 <= end; i += 16) {    \
            BODY(wide)                      \
        }                                   \
        for (; i < end; ++i) {              \
            BODY(real)                      \
        }                                   \
    }
#else
#define FOR_EACH(i, n) \
    for (i64 i = (i64)get_global_id(0); i < (n); i += (i64)get_global_size(0))
#define EACH(n, BODY)  \
    FOR_EACH(i, n) {   \
        BODY(real)     \
    }
#endif
