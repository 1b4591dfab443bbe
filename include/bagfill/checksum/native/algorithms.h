/* The algorithms in LANES lanes. Included by lanes.c, once for each number of lanes. */

#define BITS 64
#include "vectors.h"
#include "sha2.h"
#undef BITS

#define BITS 32
#include "vectors.h"
#include "sha2.h"
#include "md5.h"
#undef BITS
