// Reads our kernel files as CUDA: the twin of dialect.h, where the dialect is described. Compiled
// by NVRTC, so nothing is included; the CPU variants with vector types are never seen here.
#undef CPU
#define CPU 0

typedef signed char i8;
typedef short i16;
typedef int i32;
typedef long long i64;
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define __kernel extern "C" __global__
#define __global
#define __private
#define __local __shared__
#define __constant __constant__
#define restrict __restrict__
#define inline __device__ inline
#define LOCAL_PTR
#define WORK_GROUP(x, y, z) __launch_bounds__((x) * (y) * (z))

#define CLK_LOCAL_MEM_FENCE 1
#define CLK_GLOBAL_MEM_FENCE 2
#define barrier(fence) __syncthreads()
#define mad(a, b, c) fma(a, b, c)
#define mul_hi(a, b) __umul64hi(a, b)
#undef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#undef NAN
#define NAN __int_as_float(0x7fc00000)

// 64 bits from the start: blockIdx.x * blockDim.x by itself would wrap at 2^32.
static inline size_t get_local_id(unsigned axis) {
    return axis == 0 ? threadIdx.x : axis == 1 ? threadIdx.y : threadIdx.z;
}
static inline size_t get_group_id(unsigned axis) {
    return axis == 0 ? blockIdx.x : axis == 1 ? blockIdx.y : blockIdx.z;
}
static inline size_t get_local_size(unsigned axis) {
    return axis == 0 ? blockDim.x : axis == 1 ? blockDim.y : blockDim.z;
}
static inline size_t get_num_groups(unsigned axis) {
    return axis == 0 ? gridDim.x : axis == 1 ? gridDim.y : gridDim.z;
}
static inline size_t get_global_id(unsigned axis) {
    return get_group_id(axis) * get_local_size(axis) + get_local_id(axis);
}
static inline size_t get_global_size(unsigned axis) {
    return get_num_groups(axis) * get_local_size(axis);
}

#define FOR_EACH(i, n) \
    for (i64 i = (i64)get_global_id(0); i < (n); i += (i64)get_global_size(0))
#define AT(T, x) (*(T *)((x) + i))
#define EACH(n, BODY)  \
    FOR_EACH(i, n) {   \
        BODY(real)     \
    }
