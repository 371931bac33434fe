/* Encoding of TensorBoard events; files are the run folder's business. */
#include "train/run/event_file.h"

#include <string.h>

/* Field numbers and wire types of tensorflow.Event and tensorflow.Summary. */
enum {
    EVENT_WALL_TIME = 1,
    EVENT_STEP = 2,
    EVENT_FILE_VERSION = 3,
    EVENT_SUMMARY = 5,
    SUMMARY_VALUE = 1,
    VALUE_TAG = 1,
    VALUE_SIMPLE = 2
};
typedef enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 } wire;

uint32_t bal_crc32c(const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < count; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static uint32_t masked(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

void bal_event_bytes_free(bal_event_bytes *bytes)
{
    bal_free(bytes->ctx, bytes->data);
    bytes->data = NULL;
    bytes->count = bytes->room = 0;
}

static void put(bal_event_bytes *out, const void *bytes, size_t count)
{
    if (out->failed)
        return;
    if (out->count + count > out->room) {
        const size_t room = 2 * (out->count + count);
        unsigned char *bigger = bal_resize(out->ctx, out->data, out->count, room, 1);
        if (!bigger) {
            out->failed = true;
            return;
        }
        out->data = bigger;
        out->room = room;
    }
    if (count > 0)
        memcpy(out->data + out->count, bytes, count);
    out->count += count;
}

/* The low bytes of value, lowest first. */
static void put_fixed(bal_event_bytes *out, uint64_t value, int bytes)
{
    unsigned char little[8];
    for (int i = 0; i < bytes; i++)
        little[i] = (unsigned char)(value >> (8 * i));
    put(out, little, (size_t)bytes);
}

static void put_varint(bal_event_bytes *out, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        put_fixed(out, (value & 0x7f) | 0x80, 1);
    put_fixed(out, value, 1);
}

static void put_tag(bal_event_bytes *out, int field, wire type)
{
    put_varint(out, (uint64_t)field << 3 | (uint64_t)type);
}

static void put_bytes(bal_event_bytes *out, int field, const void *bytes, size_t count)
{
    put_tag(out, field, WIRE_BYTES);
    put_varint(out, count);
    put(out, bytes, count);
}

static void put_double(bal_event_bytes *out, int field, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_tag(out, field, WIRE_64);
    put_fixed(out, bits, 8);
}

static void put_float(bal_event_bytes *out, int field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_tag(out, field, WIRE_32);
    put_fixed(out, bits, 4);
}

/* Frames a message and appends it whole or not at all; takes the message's bytes. */
static void put_record(bal_event_bytes *out, bal_event_bytes *message)
{
    bal_event_bytes record = {.ctx = out->ctx, .failed = message->failed};
    put_fixed(&record, message->count, 8);
    if (!record.failed)
        put_fixed(&record, masked(bal_crc32c(record.data, 8)), 4);
    put(&record, message->data, message->count);
    put_fixed(&record, masked(bal_crc32c(message->data, message->count)), 4);
    if (record.failed)
        out->failed = true;
    else
        put(out, record.data, record.count);
    bal_event_bytes_free(&record);
    bal_event_bytes_free(message);
}

void bal_event_begin(bal_event_bytes *out, double wall_time)
{
    static const char version[] = "brain.Event:2";
    bal_event_bytes event = {.ctx = out->ctx};
    put_double(&event, EVENT_WALL_TIME, wall_time);
    put_bytes(&event, EVENT_FILE_VERSION, version, strlen(version));
    put_record(out, &event);
}

void bal_event_scalars(bal_event_bytes *out, double wall_time, int64_t step,
                       const bal_event_scalar *scalars, int count)
{
    bal_event_bytes event = {.ctx = out->ctx}, summary = {.ctx = out->ctx},
                    value = {.ctx = out->ctx};
    for (int i = 0; i < count; i++) {
        value.count = 0;
        put_bytes(&value, VALUE_TAG, scalars[i].tag, strlen(scalars[i].tag));
        put_float(&value, VALUE_SIMPLE, scalars[i].value);
        put_bytes(&summary, SUMMARY_VALUE, value.data, value.count);
    }
    put_double(&event, EVENT_WALL_TIME, wall_time);
    put_tag(&event, EVENT_STEP, WIRE_VARINT);
    put_varint(&event, (uint64_t)step);
    put_bytes(&event, EVENT_SUMMARY, summary.data, summary.count);
    event.failed = event.failed || summary.failed || value.failed;
    put_record(out, &event);
    bal_event_bytes_free(&summary);
    bal_event_bytes_free(&value);
}
