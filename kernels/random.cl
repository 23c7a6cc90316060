// y = random bits by Philox4x64-10 (J. K. Salmon et al., Parallel random numbers: as easy as 1, 2, 3,
// 2011): each block is a function of the key and its own number, so any part of the stream can be
// made anywhere. Bit for bit the stream of numpy.random.Philox.
//
//   T          u64, u32 or u16: the four words of a block in order, each cut from its low end
// The first block is number counter[0] + 1, as in NumPy; the key is key0 + 2^64 key1.
// Grid: one dimension, FOR_EACH over blocks. Limits: n below 2^63.
//
// variants: T=u64; T=u32; T=u16

#define PARTS (8 / (int)sizeof(T))

__kernel void philox(__global T *y, const i64 n, __global const u64 *counter, const i64 counter_at,
                     const u64 key0, const u64 key1) {
    const u64 used = counter[counter_at];
    FOR_EACH(block, (n + 4 * PARTS - 1) / (4 * PARTS)) {
        u64 k0 = key0, k1 = key1, x[4];
        x[0] = used + 1 + (u64)block;
        x[1] = x[0] < used; // the carry: the counter has 256 bits
        x[2] = 0, x[3] = 0;
        for (int i = 0; i < 10; ++i) {
            const u64 a = 0xD2E7470EE14C6C93UL * x[0], a_high = mul_hi(0xD2E7470EE14C6C93UL, x[0]);
            const u64 b = 0xCA5A826395121157UL * x[2], b_high = mul_hi(0xCA5A826395121157UL, x[2]);
            x[0] = b_high ^ x[1] ^ k0, x[1] = b;
            x[2] = a_high ^ x[3] ^ k1, x[3] = a;
            k0 += 0x9E3779B97F4A7C15UL, k1 += 0xBB67AE8584CAA73BUL;
        }
        const i64 left = n - block * 4 * PARTS;
        for (int i = 0; i < 4 * PARTS; ++i)
            if (i < left) y[block * 4 * PARTS + i] = (T)(x[i / PARTS] >> (i % PARTS * 64 / PARTS));
    }
}
