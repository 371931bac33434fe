/* What a reader finds in a place, before it is cut and split: labels, the splits that the data has,
 * and a way to get pixels. One file a format; readers.c has the table. */
#ifndef BAL_SOURCE_H
#define BAL_SOURCE_H

#include "ballast/data.h"
#include "base/context.h"

#define BAL_PATH_LENGTH 4096

typedef struct bal_picture_shape {
    int channels, height, width;
} bal_picture_shape;

typedef struct bal_source bal_source;

/* In pixels, with fractions: a pixel is a square from its number to the next. */
typedef struct bal_box {
    double left, top, width, height;
} bal_box;

/* A picture that was decoded, 1 or 3 channels, HWC. Release with bal_picture_free. A decoder that
 * shrinks by 4 makes 66 columns of 261: the picture is then 65.25 wide. */
typedef struct bal_picture {
    uint8_t *pixels;
    bal_picture_shape shape;
    bal_box box;                 /* the picture within the pixels; width 0: all of them */
    int full_height, full_width; /* before the decoder shrank it; 0: the shape's */
    bool borrowed;               /* the pixels belong to the source */
} bal_picture;

/* Beyond these a file is refused before memory is asked for. 0: the default. */
typedef struct bal_image_limits {
    int64_t pixels;    /* height x width */
    size_t file_bytes; /* of the file as it is stored */
} bal_image_limits;

/* Chooses what of a picture is looked at, once its size is known: a box in its pixels, which may
 * reach beyond them. A function of its arguments alone, because it may be asked more than once. */
typedef bal_box bal_view_fn(const void *user, int height, int width);

/* How much of a picture is needed: the decoder may shrink as long as both sides, or those of the
 * view where there is one, stay at least twice as large. 0: all of it. */
typedef struct bal_ask {
    int height, width;
    bal_view_fn *view; /* NULL: the whole picture */
    const void *view_user;
} bal_ask;

typedef struct bal_reader {
    bal_format_info info;
    /* Does the place (a folder, a file, a pattern of files) look like this format? Cheap, and sure
     * enough to choose the reader. */
    bool (*probe)(const char *path);
    /* Fills the source. On failure bal_source_close releases what is there. */
    bal_status (*open)(bal_source *source, bal_ctx *ctx);
    /* The picture of an item, as it is in the data. Thread safe; messages go to ctx. */
    bal_status (*picture)(const bal_source *source, bal_ctx *ctx, int64_t item, bal_ask ask,
                          bal_picture *out);
    void (*item_name)(const bal_source *source, int64_t item, char *buffer, size_t size);
    void (*close)(bal_source *source); /* accepts a half-built source */
} bal_reader;

struct bal_source {
    bal_ctx *ctx;
    const bal_reader *reader;
    char *path;
    bal_picture_shape wanted; /* by the settings; 0: what the data has */
    bal_picture_shape native; /* what the data has; of no interest where wanted says all */
    bool mixed; /* sizes may differ and files may be damaged: open looks at no image, and
                   leaves 0 in native for what it does not know without */
    bal_image_limits limits; /* for every image that is decoded */
    uint64_t max_unpacked;   /* bytes that open may write to the cache of the user */
    int classes;             /* >= 1 after open */
    char **class_names;      /* NULL: the reader knows no names; else one a class */
    int64_t count, room;
    int32_t *labels; /* one an item, 0..classes-1 */
    uint8_t *splits; /* bal_split of each item */
    int32_t *groups; /* NULL: the data has none; else one an item, which belongs together with the
                        others of its number and never straddles splits; -1: with none */
    char **group_names; /* one a group, the reader's; NULL: the data has none */
    int group_count;
    float *weights; /* NULL: all 1; else one an item, >= 0: of its loss in training */
    void *own;      /* the reader's */
};

extern const bal_reader bal_reader_idx, bal_reader_cifar10, bal_reader_cifar100, bal_reader_npz,
    bal_reader_csv, bal_reader_jsonl, bal_reader_shards, bal_reader_folder;

/* The reader whose probe accepts the folder, or NULL; and by its name. */
const bal_reader *bal_reader_probe(const char *path);
const bal_reader *bal_reader_named(const char *name);

void bal_source_close(bal_source *source);
/* Adds count items of a split; their labels (0 until written) start at *labels. */
bal_status bal_source_add(bal_source *source, bal_ctx *ctx, bal_split split, int64_t count,
                          int32_t **labels);
/* Copies names; at most one call a source. */
bal_status bal_source_name_classes(bal_source *source, bal_ctx *ctx, const char *const *names);
/* Fills native of a source of image files, asking for shapes (by shape_of, from headers) as far as
 * it must: of all items for the one size that they must have, and until the first colour image for
 * the channels. By all threads of the context; shape_of must be thread safe. Nothing where the
 * sizes are mixed. Fails with BAL_BAD_DATA (two sizes), BAL_INTERRUPTED. */
bal_status bal_source_measure(bal_source *source, bal_ctx *ctx,
                              bal_status (*shape_of)(const bal_source *source, bal_ctx *ctx,
                                                     int64_t item, bal_picture_shape *shape));

bal_box bal_picture_box(const bal_picture *picture);
/* Of the picture before it was shrunk. */
int bal_picture_height(const bal_picture *picture);
int bal_picture_width(const bal_picture *picture);
void bal_picture_free(bal_ctx *ctx, bal_picture *picture);

/* The words that name a split, for folders, files and columns; the training split's is the first.
 */
#define BAL_SPLIT_WORDS 5
typedef struct bal_split_word {
    bal_split split;
    const char *word;
} bal_split_word;
extern const bal_split_word bal_split_words[BAL_SPLIT_WORDS];

/* "a/b" into buffer; false when it does not fit. */
bool bal_path_join(char *buffer, size_t size, const char *a, const char *b);
bool bal_is_folder(const char *path);
/* Is it a regular file whose name ends so (".csv"), in any case? */
bool bal_is_file_ending(const char *path, const char *ending);
/* Is there anything but a folder with this name (also one that cannot be read: its reader will say
 * so)? */
bool bal_has_file(const char *folder, const char *name);

#endif
