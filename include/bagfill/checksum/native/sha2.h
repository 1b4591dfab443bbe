/* SHA-2: FIPS 180-4, sections 4.1 and 6. SHA-512 and SHA-384 have words of 64 bits, SHA-256 and SHA-224 of 32.
 * Included by algorithms.h, once for each size of word. */

#undef ROUNDS
#undef SUM_A
#undef SUM_E
#undef STRETCH_15
#undef STRETCH_2
#if BITS == 64
#define ROUNDS 80
#define SUM_A(x) (rotated(x, 28) ^ rotated(x, 34) ^ rotated(x, 39))
#define SUM_E(x) (rotated(x, 14) ^ rotated(x, 18) ^ rotated(x, 41))
#define STRETCH_15(x) (rotated(x, 1) ^ rotated(x, 8) ^ (x) >> 7)
#define STRETCH_2(x) (rotated(x, 19) ^ rotated(x, 61) ^ (x) >> 6)
#else
#define ROUNDS 64
#define SUM_A(x) (rotated(x, 2) ^ rotated(x, 13) ^ rotated(x, 22))
#define SUM_E(x) (rotated(x, 6) ^ rotated(x, 11) ^ rotated(x, 25))
#define STRETCH_15(x) (rotated(x, 7) ^ rotated(x, 18) ^ (x) >> 3)
#define STRETCH_2(x) (rotated(x, 17) ^ rotated(x, 19) ^ (x) >> 10)
#endif

/* Word i of the message schedule takes the place of word i - 16, which is not needed any more. */
#define AT(i) w[(i) & 15]
/* The constants of SHA-256 are the upper halves of the first 64 of SHA-512. */
#define CONSTANT(i) ((NAMED(word))(sha512[i] >> (64 - BITS)))
/* Instead of moving a to h on after each round, the caller names them in another order. */
#define ROUND(a, b, c, d, e, f, g, h, i)                                              \
    {                                                                                 \
        if ((i) >= 16) {                                                              \
            AT(i) += STRETCH_2(AT((i) - 2)) + AT((i) - 7) + STRETCH_15(AT((i) - 15)); \
        }                                                                             \
        const words t = h + SUM_E(e) + (g ^ (e & (f ^ g))) + CONSTANT(i) + AT(i);     \
        d += t;                                                                       \
        h = t + SUM_A(a) + ((a & b) | (c & (a | b)));                                 \
    }

FOR_PROCESSOR void NAMED(sha2)(NAMED(word) *state, const uint8_t *const *data, size_t blocks) {
    words s[8], w[16];
    __builtin_memcpy(s, state, sizeof s);
    for (size_t block = 0; block < blocks; block++) {
        words a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
        NAMED(load)(w, data, block * (BITS * 2));
        UNROLLED for (int i = 0; i < 16; i++) {
            w[i] = NAMED(reversed)(w[i]);
        }
        UNROLLED for (int i = 0; i < ROUNDS; i += 8) {
            ROUND(a, b, c, d, e, f, g, h, i)
            ROUND(h, a, b, c, d, e, f, g, i + 1)
            ROUND(g, h, a, b, c, d, e, f, i + 2)
            ROUND(f, g, h, a, b, c, d, e, i + 3)
            ROUND(e, f, g, h, a, b, c, d, i + 4)
            ROUND(d, e, f, g, h, a, b, c, i + 5)
            ROUND(c, d, e, f, g, h, a, b, i + 6)
            ROUND(b, c, d, e, f, g, h, a, i + 7)
        }
        s[0] += a, s[1] += b, s[2] += c, s[3] += d, s[4] += e, s[5] += f, s[6] += g, s[7] += h;
    }
    __builtin_memcpy(state, s, sizeof s);
}
#undef AT
#undef CONSTANT
#undef ROUND
