/* The only place with compiler extensions. */
#ifndef BAL_COMPILER_H
#define BAL_COMPILER_H

#if defined(__GNUC__)
#define BAL_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#define BAL_UNUSED __attribute__((unused))
#else
#define BAL_PRINTF(format_at, first_at)
#define BAL_UNUSED
#endif

/* A function that the compiler also makes for the wide vectors of newer x86 processors, chosen when
 * the program starts. Every version gives the same bits: nothing is contracted or re-ordered. The
 * sanitizers cannot run the code that chooses. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define BAL_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define BAL_WIDE
#endif

/* How many bits of a 64-bit number are set: one instruction in a BAL_WIDE function. */
#if defined(__GNUC__)
#define BAL_BITS_SET(x) __builtin_popcountll(x)
#else
static inline int bal_bits_set(unsigned long long x)
{
    int count = 0;
    for (; x; x &= x - 1)
        count++;
    return count;
}
#define BAL_BITS_SET(x) bal_bits_set(x)
#endif

#define BAL_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
