/* Maps laid over images, words on pictures, and contact sheets. */
#include "ballast/cam.h"
#include "helpers/helpers.h"
#include "helpers/runs.h"
#include "helpers/toy.h"
#include "train/model/picture_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- overlay ---- */

static void a_map_of_nothing_leaves_the_image_in_grey(void **state)
{
    (void)state;
    const uint8_t pixels[2 * 3 * 3] = {255, 0,  0,  0, 255, 0,  0,  0,  255,
                                       9,   90, 33, 7, 7,   70, 80, 81, 82};
    const float map[4] = {-1.0F, 0.0F, -3.0F, 0.0F};
    uint8_t rgb[2 * 3 * 4 * 3];
    bal_cam_overlay(&(bal_cam_picture){.image = {3, 2, 3},
                                       .pixels = pixels,
                                       .map_height = 2,
                                       .map_width = 2,
                                       .map = map,
                                       .zoom = 2},
                    rgb);
    const int width = 6; /* zoomed */
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < width; x++) {
            const uint8_t *p = pixels + ((y / 2) * 3 + x / 2) * 3;
            const double grey = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
            for (int c = 0; c < 3; c++)
                assert_int_equal(rgb[(y * width + x) * 3 + c], (int)(grey + 0.5));
        }
}

/* A single hot position in a corner: brightest there, and falling away from it. */
static void colour_follows_the_map(void **state)
{
    (void)state;
    uint8_t pixels[7 * 9];
    memset(pixels, 100, sizeof pixels);
    float map[3 * 2] = {0};
    map[1] = 5.0F; /* row 0, column 1 of 3 x 2 */
    uint8_t rgb[7 * 9 * 3];
    bal_cam_overlay(&(bal_cam_picture){.image = {1, 7, 9},
                                       .pixels = pixels,
                                       .map_height = 3,
                                       .map_width = 2,
                                       .map = map,
                                       .zoom = 1},
                    rgb);
    int sum[7 * 9];
    for (int i = 0; i < 7 * 9; i++)
        sum[i] = rgb[3 * i] + rgb[3 * i + 1] + rgb[3 * i + 2];
    assert_true(sum[8] > 500);         /* upper right: light yellow over grey */
    assert_int_equal(sum[6 * 9], 226); /* lower left: a quarter black, (0, 0, 4) */
    for (int x = 1; x < 9; x++)
        assert_true(sum[x] >= sum[x - 1]);
    for (int y = 1; y < 7; y++)
        assert_true(sum[y * 9 + 8] <= sum[(y - 1) * 9 + 8]);
}

/* ---- words ---- */

static void letters_stand_where_they_should(void **state)
{
    (void)state;
    uint8_t rgb[20 * 30 * 3] = {0};
    const bal_canvas canvas = {.height = 20, .width = 30, .rgb = rgb};
    const bal_text_place place = {
        .top = 3, .left = 2, .most = 11, .scale = 1, .rgb = {200, 150, 100}};
    bal_canvas_text(&canvas, &place, "lTI~"); /* cut off after 11 pixels: L and most of T */
    int count = 0;
    for (int i = 0; i < 20 * 30; i++) {
        const int y = i / 30, x = i % 30;
        if (!rgb[3 * i])
            continue;
        count++;
        assert_true(y >= 3 && y < 10 && x >= 2 && x < 13);
        assert_true(rgb[3 * i] == 200 && rgb[3 * i + 1] == 150 && rgb[3 * i + 2] == 100);
    }
    assert_int_equal(count, 11 + 11); /* the strokes of L and T: 7 + 4 and 5 + 6 */
    bal_canvas_text(&canvas, &(bal_text_place){.top = -5, .left = 28, .most = 100, .scale = 3},
                    "Mb%"); /* over the edges: nothing is written outside (sanitizers) */
}

/* ---- sheets ---- */

static const test_toy toy = {.channels = 3, .side = 8, .train = {12, 8, 6}, .test = 5};

typedef struct fixture {
    bal_ctx *ctx;
    char *folder;
    char images[4096], run[4096], sheet[4096];
    bal_dataset *data;
    bal_model *model;
    bal_cam *cam;
} fixture;

static int open_fixture(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = test_ctx_threads(1);
    f->folder = test_folder();
    snprintf(f->images, sizeof f->images, "%s/toy", f->folder);
    snprintf(f->run, sizeof f->run, "%s/run", f->folder);
    snprintf(f->sheet, sizeof f->sheet, "%s/sheet.png", f->folder);
    test_write_toy(f->images, &toy);
    f->data = test_open_toy(f->ctx, f->images, 0.25);
    bal_train_settings how = bal_train_defaults();
    how.model = "resnet8";
    how.engine = "reference";
    how.out = f->run;
    how.epochs = 1;
    test_ok(f->ctx, test_train(f->ctx, &(test_training){.data = f->data, .settings = &how}));
    bal_predictor_settings s = bal_predictor_defaults();
    s.run = f->run;
    s.engine = "reference";
    test_ok(f->ctx, bal_model_open(&f->model, f->ctx, &s));
    bal_cam_settings cam = bal_cam_defaults();
    cam.engine = "reference";
    cam.batch_size = 2;
    test_ok(f->ctx, bal_cam_open(&f->cam, f->ctx, f->model, &cam));
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    fixture *f = *state;
    bal_cam_close(&f->cam);
    bal_model_close(&f->model);
    bal_dataset_close(&f->data);
    bal_ctx_close(&f->ctx);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void png_size(const char *path, uint32_t *width, uint32_t *height)
{
    uint8_t head[24];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(head, 1, sizeof head, file), sizeof head);
    fclose(file);
    *width = big_endian(head + 16);
    *height = big_endian(head + 20);
}

static void a_sheet_has_its_rows(void **state)
{
    fixture *f = *state;
    const int64_t items[] = {3, 0, 7, 11}, few[] = {1};
    const int32_t classes[] = {2, 0, 1, 1};
    const bal_cam_row rows[] = {
        {"true positives", 4, items, classes}, {"nobody", 0, NULL, NULL}, {"one", 1, few, NULL}};
    bal_cam_sheet sheet = {.data = f->data, .rows = rows, .row_count = 1, .zoom = 3};
    uint32_t width, height, more_width, more_height;
    test_ok(f->ctx, bal_cam_sheet_write(f->cam, &sheet, f->sheet));
    png_size(f->sheet, &width, &height);
    assert_true(width > 4 * 2 * 8 * 3); /* four pairs, zoomed */
    sheet.row_count = 3;
    sheet.title = "all";
    test_ok(f->ctx, bal_cam_sheet_write(f->cam, &sheet, f->sheet));
    png_size(f->sheet, &more_width, &more_height);
    assert_int_equal(more_width, width);
    assert_true(more_height > height + 8 * 3); /* an image more, and the titles */
}

static void must_refuse(fixture *f, bal_cam_sheet sheet, bal_status status, const char *words)
{
    assert_int_equal(bal_cam_sheet_write(f->cam, &sheet, f->sheet), status);
    if (!strstr(bal_error(f->ctx), words))
        fail_msg("\"%s\" lacks \"%s\"", bal_error(f->ctx), words);
    assert_false(test_exists(f->sheet));
}

static void refuses_with_a_reason(void **state)
{
    fixture *f = *state;
    const int64_t items[] = {3, 41};
    const bal_cam_row row = {"mine", 2, items, NULL};
    remove(f->sheet);
    must_refuse(f, (bal_cam_sheet){.data = f->data, .rows = &row, .row_count = 1}, BAL_BAD_ARG,
                "item 1 of row \"mine\" is 41");
    must_refuse(f, (bal_cam_sheet){.data = f->data, .rows = &row, .row_count = 0}, BAL_BAD_ARG,
                "0 rows");
    must_refuse(f, (bal_cam_sheet){.data = f->data, .rows = &row, .row_count = 1, .zoom = 65},
                BAL_BAD_ARG, "zoom 65");
    bal_dataset_settings grey = bal_dataset_defaults();
    grey.channels = 1;
    bal_dataset *other;
    test_ok(f->ctx, bal_dataset_open(&other, f->ctx, f->images, &grey));
    must_refuse(f, (bal_cam_sheet){.data = other, .rows = &row, .row_count = 1}, BAL_MISMATCH,
                "3 x 8 x 8");
    bal_dataset_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_of_nothing_leaves_the_image_in_grey),
        cmocka_unit_test(colour_follows_the_map),
        cmocka_unit_test(letters_stand_where_they_should),
        cmocka_unit_test_setup_teardown(a_sheet_has_its_rows, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(refuses_with_a_reason, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
