/* A word of BITS bits of each of LANES files, and how such words get out of the files.
 * Included by algorithms.h, once for each size of word. */

#undef words
#undef bytes
#undef rotated
#undef reversed
#define words NAMED(words)
#define bytes NAMED(bytes)

#if BITS == 64
typedef uint64_t NAMED(word);
#else
typedef uint32_t NAMED(word);
#endif
typedef NAMED(word) words __attribute__((vector_size(BITS / 8 * LANES)));
typedef uint8_t bytes __attribute__((vector_size(BITS / 8 * LANES)));

#define rotated(x, right) ((x) >> (right) | (x) << (BITS - (right)))

/* The bytes of each word in the other order: SHA-2 reads the first byte as the highest. */
#if BITS == 64
#define BYTES_OF(i) 8 * i + 7, 8 * i + 6, 8 * i + 5, 8 * i + 4, 8 * i + 3, 8 * i + 2, 8 * i + 1, 8 * i
#else
#define BYTES_OF(i) 4 * i + 3, 4 * i + 2, 4 * i + 1, 4 * i
#endif
FOR_PROCESSOR static inline words NAMED(reversed)(words x) {
    return (words)__builtin_shufflevector((bytes)x, (bytes)x, EACH_LANE(BYTES_OF));
}
#undef BYTES_OF

/* Turns LANES rows of LANES words: what was word c of row r becomes word r of row c. Pairs of rows that are one, two and
 * four apart change places of words as far apart. */
#define UPPER(c) (c & APART ? LANES + c - APART : c)
#define LOWER(c) (c & APART ? LANES + c : c + APART)
#define EXCHANGE(rows)                                                        \
    UNROLLED for (int r = 0; r < LANES; r++) {                                \
        if (!(r & APART)) {                                                   \
            words x = rows[r], y = rows[r + APART];                           \
            rows[r] = __builtin_shufflevector(x, y, EACH_LANE(UPPER));        \
            rows[r + APART] = __builtin_shufflevector(x, y, EACH_LANE(LOWER));\
        }                                                                     \
    }
FOR_PROCESSOR static inline void NAMED(turn)(words *rows) {
#define APART 1
    EXCHANGE(rows)
#undef APART
#define APART 2
    EXCHANGE(rows)
#undef APART
#if LANES == 8
#define APART 4
    EXCHANGE(rows)
#undef APART
#endif
}
#undef UPPER
#undef LOWER
#undef EXCHANGE

/* The sixteen words of the next block of each file, as the file has them. */
FOR_PROCESSOR static inline void NAMED(load)(words *block, const uint8_t *const *data, size_t offset) {
    UNROLLED for (int first = 0; first < 16; first += LANES) {
        UNROLLED for (int lane = 0; lane < LANES; lane++) {
            __builtin_memcpy(&block[first + lane], data[lane] + offset + BITS / 8 * first, sizeof(words));
        }
        NAMED(turn)(block + first);
    }
}
