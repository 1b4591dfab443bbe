/* MD5: RFC 1321, section 3.4. Included by algorithms.h. */

#define STEP(mixed, a, b, i, word, left)            \
    {                                               \
        a += (mixed) + md5[i] + w[(word) & 15];     \
        a = b + rotated(a, 32 - left);              \
    }

FOR_PROCESSOR void NAMED(md5)(NAMED(word) *state, const uint8_t *const *data, size_t blocks) {
    words s[4], w[16];
    __builtin_memcpy(s, state, sizeof s);
    for (size_t block = 0; block < blocks; block++) {
        words a = s[0], b = s[1], c = s[2], d = s[3];
        NAMED(load)(w, data, block * 64);
        UNROLLED for (int i = 0; i < 16; i += 4) {
            STEP(d ^ (b & (c ^ d)), a, b, i, i, 7)
            STEP(c ^ (a & (b ^ c)), d, a, i + 1, i + 1, 12)
            STEP(b ^ (d & (a ^ b)), c, d, i + 2, i + 2, 17)
            STEP(a ^ (c & (d ^ a)), b, c, i + 3, i + 3, 22)
        }
        UNROLLED for (int i = 16; i < 32; i += 4) {
            STEP(c ^ (d & (b ^ c)), a, b, i, 5 * i + 1, 5)
            STEP(b ^ (c & (a ^ b)), d, a, i + 1, 5 * i + 6, 9)
            STEP(a ^ (b & (d ^ a)), c, d, i + 2, 5 * i + 11, 14)
            STEP(d ^ (a & (c ^ d)), b, c, i + 3, 5 * i + 16, 20)
        }
        UNROLLED for (int i = 32; i < 48; i += 4) {
            STEP(b ^ c ^ d, a, b, i, 3 * i + 5, 4)
            STEP(a ^ b ^ c, d, a, i + 1, 3 * i + 8, 11)
            STEP(d ^ a ^ b, c, d, i + 2, 3 * i + 11, 16)
            STEP(c ^ d ^ a, b, c, i + 3, 3 * i + 14, 23)
        }
        UNROLLED for (int i = 48; i < 64; i += 4) {
            STEP(c ^ (b | ~d), a, b, i, 7 * i, 6)
            STEP(b ^ (a | ~c), d, a, i + 1, 7 * i + 7, 10)
            STEP(a ^ (d | ~b), c, d, i + 2, 7 * i + 14, 15)
            STEP(d ^ (c | ~a), b, c, i + 3, 7 * i + 21, 21)
        }
        s[0] += a, s[1] += b, s[2] += c, s[3] += d;
    }
    __builtin_memcpy(state, s, sizeof s);
}
#undef STEP
