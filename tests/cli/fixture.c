/* Makes what the tests of the program work on, in the present folder: tiny/ (IDX, three classes,
 * long-tailed), cut/ (the same, one file cut off), shoe.png and bag.jpg, and things.csv, a manifest
 * of the two. */
#include <png.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <jpeglib.h> /* needs stdio.h before it */

enum { SIDE = 12, CLASSES = 3 };

static void must(int fine, const char *what)
{
    if (fine)
        return;
    perror(what);
    exit(1);
}

/* A fixed sequence, so that every run of the tests sees the same pixels. */
static unsigned noise(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 26;
}

static void big_endian(FILE *f, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        fputc((int)(value >> shift & 255u), f);
}

/* A bright bar whose place tells the class, on noise. */
static void write_image(FILE *f, int label, unsigned *state)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            fputc((int)((y / 4 == label ? 150u : 20u) + noise(state)), f);
}

static void write_split(const char *folder, const char *split, const int *counts, int cut)
{
    char path[256];
    unsigned state = 1;
    int items = 0;
    for (int c = 0; c < CLASSES; c++)
        items += counts[c];
    snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", folder, split);
    FILE *f = fopen(path, "wb");
    must(f != NULL, path);
    big_endian(f, 0x803);
    big_endian(f, (uint32_t)items);
    big_endian(f, SIDE);
    big_endian(f, SIDE);
    for (int c = 0; c < CLASSES; c++)
        for (int i = 0; i < counts[c] - (c == CLASSES - 1 ? cut : 0); i++)
            write_image(f, c, &state);
    must(fclose(f) == 0, path);
    snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte", folder, split);
    f = fopen(path, "wb");
    must(f != NULL, path);
    big_endian(f, 0x801);
    big_endian(f, (uint32_t)items);
    for (int c = 0; c < CLASSES; c++)
        for (int i = 0; i < counts[c]; i++)
            fputc(c, f);
    must(fclose(f) == 0, path);
}

static void write_set(const char *folder, int cut)
{
    static const int train[CLASSES] = {160, 48, 16}, test[CLASSES] = {20, 20, 20};
    must(mkdir(folder, 0777) == 0, folder);
    write_split(folder, "train", train, cut);
    write_split(folder, "t10k", test, 0);
}

static void draw(uint8_t *pixels, int side)
{
    for (int i = 0; i < side * side; i++)
        pixels[i] = (uint8_t)(i / side > side / 2 ? 230 : 5);
}

static void write_png(const char *path)
{
    enum { side = 28 };
    uint8_t pixels[side * side];
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = side, .height = side, .format = PNG_FORMAT_GRAY};
    draw(pixels, side);
    must(png_image_write_to_file(&image, path, 0, pixels, 0, NULL), path);
}

static void write_jpeg(const char *path)
{
    enum { side = 40 };
    uint8_t pixels[side * side];
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    draw(pixels, side);
    FILE *f = fopen(path, "wb");
    must(f != NULL, path);
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_stdio_dest(&c, f);
    c.image_width = c.image_height = side;
    c.input_components = 1;
    c.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&c);
    jpeg_start_compress(&c, TRUE);
    for (int y = 0; y < side; y++) {
        JSAMPROW row = pixels + (size_t)y * side;
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    must(fclose(f) == 0, path);
}

static void write_manifest(const char *path)
{
    FILE *f = fopen(path, "w");
    must(f != NULL, path);
    fputs("path,label,group,weight\nshoe.png,shoe,anna,1\nbag.jpg,bag,ben,2.5\n", f);
    must(fclose(f) == 0, path);
}

int main(void)
{
    write_set("tiny", 0);
    write_set("cut", 3);
    write_png("shoe.png");
    write_jpeg("bag.jpg");
    write_manifest("things.csv");
    return 0;
}
