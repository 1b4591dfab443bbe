/* Hashes several files at once, each in its own lane of the vector registers.
 *
 * The rounds of SHA-2 and MD5 depend on one another, so one file leaves most of a core idle. Files do not depend on one
 * another: here word w of a state is one vector, whose lane l belongs to file l, and one instruction does the same step
 * for all files. This library has the compression functions and no more; bagfill/checksum/lane_hash.py pads, counts and
 * orders bytes of digests.
 *
 *     void NAME_BITS_LANES(uintBITS_t *state, const uint8_t *const *data, size_t blocks)
 *
 * for NAME_BITS of sha2_64 (SHA-384, SHA-512), sha2_32 (SHA-224, SHA-256) and md5_32, and LANES of 8 (AVX-512) and 4
 * (AVX2). `state` has all lanes' first words, then all second words, and so on. `data` has one address for each lane, of
 * at least `blocks` whole blocks. Nothing else is read or written. `lanes_of_this_processor()` says how many are possible.
 *
 * Free of any library, the C library too, so that the one file runs on every Linux on x86-64. The compiler has to be
 * clang: tools/build-lanes has the command.
 */
#include <stddef.h>
#include <stdint.h>

#include "constants.h"

#define UNROLLED _Pragma("clang loop unroll(full)")
#define PASTE(name, bits, lanes) name##_##bits##_##lanes
#define SPELL(name, bits, lanes) PASTE(name, bits, lanes)
#define NAMED(name) SPELL(name, BITS, LANES)

#define LANES 8
#define EACH_LANE(f) f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)
#define FOR_PROCESSOR __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"), min_vector_width(512)))
#include "algorithms.h"
#undef LANES
#undef EACH_LANE
#undef FOR_PROCESSOR

#define LANES 4
#define EACH_LANE(f) f(0), f(1), f(2), f(3)
#define FOR_PROCESSOR __attribute__((target("avx2")))
#include "algorithms.h"

struct registers {
    uint32_t a, b, c, d;
};

static struct registers cpuid(uint32_t leaf) {
    struct registers r;
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(0));
    return r;
}

/* How many lanes this processor has instructions for: 8, 4 or 0. The operating system has to save the registers as well
 * when it switches between threads, and says so in XCR0.
 * Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, sections 14.3 and 15.2. */
int lanes_of_this_processor(void) {
    const uint32_t osxsave = 1u << 27, avx2 = 1u << 5;
    const uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; /* F, DQ, BW, VL */
    const uint32_t saves_avx = 0x06, saves_avx512 = 0xe6;
    uint32_t saved, upper;

    if (cpuid(0).a < 7 || !(cpuid(1).c & osxsave)) {
        return 0;
    }
    __asm__ volatile("xgetbv" : "=a"(saved), "=d"(upper) : "c"(0));
    const uint32_t features = cpuid(7).b;
    if ((saved & saves_avx512) == saves_avx512 && (features & avx512) == avx512) {
        return 8;
    }
    return (saved & saves_avx) == saves_avx && (features & avx2) ? 4 : 0;
}
