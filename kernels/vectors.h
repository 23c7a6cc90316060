// The vector types of elementwise.cl on CPUs: which vector of 16 goes with an element type, how
// values are converted between them, and how results reach the memory.
//
//   V                 the vector of CT
//   VECTOR_OF(T)      the vector of the element type T
//   TO_VECTOR(T, v)   v converted to it
//   LANE(v, i)        one element
//   every(m)          whether a comparison of two V holds in all lanes
//   MASK_OF(T)        integers as wide as T, by which `?:` chooses between its lanes

#ifndef VECTOR
#define VECTOR 0
#endif
#if VECTOR
#define LANES 16
#define VECTOR_i8 char16
#define VECTOR_i16 short16
#define VECTOR_i32 int16
#define VECTOR_i64 long16
#define VECTOR_u8 uchar16
#define VECTOR_u16 ushort16
#define VECTOR_u32 uint16
#define VECTOR_u64 ulong16
#define VECTOR_float float16
#define VECTOR_double double16
#define VECTOR_OF(T) PASTE(VECTOR_, T)
#define TO_VECTOR(T, v) PASTE(convert_, VECTOR_OF(T))(v)
#define V VECTOR_OF(CT)
#define LANE(v, i) (((CT *)&(v))[i])

#define MASK_i8 i8
#define MASK_u8 i8
#define MASK_i16 i16
#define MASK_u16 i16
#define MASK_i32 i32
#define MASK_u32 i32
#define MASK_float i32
#define MASK_i64 i64
#define MASK_u64 i64
#define MASK_double i64
#define MASK_OF(T) PASTE(MASK_, T)

// all(m) by the bytes of its lanes: some drivers' own goes lane by lane, and Oclgrind takes lanes of a
// vector that was halved step by step for values that nobody wrote.
static inline bool every(VECTOR_OF(MASK_OF(CT)) m) {
    const ulong2 halves = as_ulong2(convert_char16(m));
    return (halves.s0 & halves.s1) == ~(u64)0;
}

// A large result is written past the caches: reading each line before it is overwritten would cost
// a third of the bandwidth of an addition.
#define LARGE (32 << 20)
static inline bool goes_past_caches(__global TO *y, i64 n) {
    return n * (i64)sizeof(TO) >= LARGE && (size_t)y % sizeof(VECTOR_OF(TO)) == 0;
}
static inline void put_vector(__global TO *y, VECTOR_OF(TO) v, bool past) {
#ifdef __has_builtin
#if __has_builtin(__builtin_nontemporal_store)
    if (past) {
        __builtin_nontemporal_store(v, (__global VECTOR_OF(TO) *)y);
        return;
    }
#endif
#endif
    vstore16(v, 0, y);
}
#endif
