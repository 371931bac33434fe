/* TensorBoard's event files: scalars, an epoch at a time. Records are framed as in TensorFlow's
 * record files (length, masked CRC-32C of the length, bytes, masked CRC-32C of the bytes); the
 * bytes are an Event message in the protocol buffer encoding. */
#ifndef BAL_EVENT_FILE_H
#define BAL_EVENT_FILE_H

#include "base/context.h"

/* Bytes that grow. */
typedef struct bal_event_bytes {
    bal_ctx *ctx;
    unsigned char *data;
    size_t count, room;
    bool failed; /* no memory; then count is still what was whole before */
} bal_event_bytes;
void bal_event_bytes_free(bal_event_bytes *bytes);

/* CRC-32C (Castagnoli), reflected polynomial 0x82f63b78. */
uint32_t bal_crc32c(const void *bytes, size_t count);

typedef struct bal_event_scalar {
    const char *tag;
    float value;
} bal_event_scalar;

/* The record that every event file begins with. */
void bal_event_begin(bal_event_bytes *out, double wall_time);
/* One record with all the scalars of a step. */
void bal_event_scalars(bal_event_bytes *out, double wall_time, int64_t step,
                       const bal_event_scalar *scalars, int count);

#endif
