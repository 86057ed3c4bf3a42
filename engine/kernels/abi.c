/* What the Python door asks a library before it trusts it.
 *
 * A kernel's public functions have external linkage and a name that begins with anchorstage_; everything else is
 * static. No dllexport: the Windows linker then exports every external function, and all systems behave alike.
 */

/* Raise it, and ABI in __init__.py, whenever the arguments of any kernel change. */
#define ANCHORSTAGE_ABI 4

int anchorstage_abi(void) { return ANCHORSTAGE_ABI; }

#if defined(__x86_64__)
#include <cpuid.h>

/* The feature bits that make an x86-64 processor level 3 (x86-64 psABI, table 3.1), without those of level 2. */
#define LEAF1_ECX (bit_FMA | bit_MOVBE | bit_OSXSAVE | bit_AVX | bit_F16C)
#define LEAF7_EBX (bit_AVX2 | bit_BMI | bit_BMI2)
#define LEAF81_ECX (1u << 5) /* LZCNT */
#define YMM_STATE 6u         /* XCR0 bits 1 and 2: the system saves the SSE and AVX registers */

static int has(unsigned int value, unsigned int bits) { return (value & bits) == bits; }

static unsigned int enabled_state(void) {
    unsigned int low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* 1 where the processor and the system run x86-64-v3 code, else 0. */
int anchorstage_runs_v3(void) {
    unsigned int a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, LEAF1_ECX) || !has(enabled_state(), YMM_STATE)) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has(b, LEAF7_EBX)) return 0;
    return __get_cpuid(0x80000001u, &a, &b, &c, &d) && has(c, LEAF81_ECX);
}
#else
int anchorstage_runs_v3(void) { return 0; }
#endif
