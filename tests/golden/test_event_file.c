/* TensorBoard events against bytes that an independent encoder wrote. */
#include "helpers/helpers.h"

#include "train/run/event_file.h"

#include <string.h>

/* The check value of CRC-32C, and RFC 3720's 32 zeros and 32 ones. */
static void crc_is_castagnolis(void **state)
{
    (void)state;
    unsigned char bytes[32];
    assert_int_equal(bal_crc32c("123456789", 9), 0xe3069283u);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(bal_crc32c(bytes, sizeof bytes), 0x8a9136aau);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(bal_crc32c(bytes, sizeof bytes), 0x62a8ab43u);
}

/* Two records at wall time 1.5: the file's version, and at step 300 the scalars lr 0.25 and
 * val_class_recall/cat -2. The first 13 bytes are those that TensorFlow's own files begin with. */
static const unsigned char golden[] = {
    0x18, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xa3, 0x7f, 0x4b, 0x22, 0x09, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0xf8, 0x3f, 0x1a, 0x0d, 0x62, 0x72, 0x61, 0x69, 0x6e, 0x2e, 0x45, 0x76, 0x65,
    0x6e, 0x74, 0x3a, 0x32, 0x2a, 0x28, 0x64, 0x6c, 0x36, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x4f, 0x57, 0x8c, 0xef, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf8, 0x3f, 0x10, 0xac, 0x02,
    0x2a, 0x28, 0x0a, 0x09, 0x0a, 0x02, 0x6c, 0x72, 0x15, 0x00, 0x00, 0x80, 0x3e, 0x0a, 0x1b, 0x0a,
    0x14, 0x76, 0x61, 0x6c, 0x5f, 0x63, 0x6c, 0x61, 0x73, 0x73, 0x5f, 0x72, 0x65, 0x63, 0x61, 0x6c,
    0x6c, 0x2f, 0x63, 0x61, 0x74, 0x15, 0x00, 0x00, 0x00, 0xc0, 0xa6, 0x30, 0x9a, 0x8c,
};

static bal_status encode(bal_ctx *ctx, void *user)
{
    static const bal_event_scalar scalars[] = {{"lr", 0.25f}, {"val_class_recall/cat", -2.0f}};
    bal_event_bytes bytes = {.ctx = ctx};
    bal_event_begin(&bytes, 1.5);
    bal_event_scalars(&bytes, 1.5, 300, scalars, 2);
    const bal_status status = bytes.failed ? BAL_NO_MEMORY : BAL_OK;
    if (status == BAL_OK) {
        assert_int_equal(bytes.count, sizeof golden);
        assert_memory_equal(bytes.data, golden, sizeof golden);
        *(int *)user += 1;
    }
    bal_event_bytes_free(&bytes);
    return status;
}

static void records_are_tensorflows(void **state)
{
    (void)state;
    int compared = 0;
    test_allocation_failures(encode, &compared);
    assert_int_equal(compared, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_is_castagnolis),
        cmocka_unit_test(records_are_tensorflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
