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

#define BAL_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
