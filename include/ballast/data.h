/* ballast/data.h: images and labels from files, split and cut to a long tail.
 *
 * A data set is opened once, with everything that decides its members in the settings, and does not
 * change afterwards. Items are numbered 0..items-1 over all splits. Images are 8-bit, height x
 * width x channels (HWC), 1 or 3 channels.
 *
 * Formats are described in docs/data-formats.md. Each has an order of items that the data decides,
 * so that the same images in the same order give the same data set from any of them.
 *
 * An image folder is CLASS/..., or train/CLASS/... with val (or valid, validation) and test beside
 * it; classes and files are in torchvision's order (bytewise, folders in a class included, hidden
 * names left out). Image files are JPEG (grey, RGB, CMYK, YCCK; progressive), PNG (every kind; 16
 * bits become 8) and still WebP. An alpha channel is dropped. Pictures are turned as their EXIF
 * orientation says (JPEG's APP1, PNG's eXIf, WebP's EXIF): the same as Pillow's
 * ImageOps.exif_transpose, which torchvision's loader leaves out.
 */
#ifndef BALLAST_DATA_H
#define BALLAST_DATA_H

#include "ballast/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum bal_split {
    BAL_SPLIT_TRAIN,
    BAL_SPLIT_VAL,
    BAL_SPLIT_TEST,
    BAL_SPLIT_COUNT
} bal_split;
/* "train", "val", "test" */
BAL_API const char *bal_split_name(bal_split split);

typedef struct bal_dataset_settings {
    const char *longtail;  /* NULL: as it is; "exp:RATIO" or "step:RATIO:FRACTION": a cut of the
                              training split; read while opening only */
    double val_fraction;   /* 0..0.9; share of the training set that becomes the validation split
                              where the data has none; stratified, at least one image of every class
                              that has two or more; default 0.1 */
    int img_size;          /* 0: the images' own size (they must all agree); else resize to N x N */
    const char *crop_mode; /* what a picture that is not square becomes with img_size, in timm's
                              words: "squash" (NULL; the default): both sides to N, so that nothing
                              at the edges is lost; "center": the middle square; "border": all of
                              it, with grey of 128 at two sides */
    double crop_pct;      /* with img_size: the share of each side that is kept, from the middle, as
                             timm has it (N / floor(N / crop_pct)); 0.01..1; 0: the default, 1 */
    int channels;         /* 0: what the data has; 1 grey or 3 RGB: convert */
    int max_image_pixels; /* an image file with more is refused by its header, before memory is
                             asked for; 0: the default, 2^27 */
    int max_image_file;   /* MiB; a larger image file is not read; 0: the default, 256 */
    int max_unpacked;     /* GiB; what the compressed shards of this set may take in the user's
                             cache, where they are unpacked once; 0: the default, 64 */
    bool skip_bad;        /* opening decodes every image once, by all threads, and leaves out those
                             that cannot be read (bal_dataset_skipped names them). Without it, the
                             default, such an image is an error where it is read */
    bool mixed_sizes;     /* images may have any size, and some may be unreadable: opening looks at
                             none of them. Then bal_dataset_info has 0 for what is not known, and
                             bal_dataset_image wants img_size and channels; default false. No option:
                             it is for those who look at every image themselves */
    uint64_t seed;        /* members of the long tail and of the validation split; default 1 */
} bal_dataset_settings;

/* Order of operations: the long tail is cut from the training split first, then the validation
 * split is taken from what remains (class statistics come from the training split alone). */
BAL_API bal_dataset_settings bal_dataset_defaults(void);
/* The settings as option rows: longtail, val-split, img-size, crop-mode, crop-pct, in-chans,
 * max-image-pixels, max-image-file, max-unpacked, skip-bad. The seed has no row here: it is the one
 * of the whole run. */
BAL_API const bal_option *bal_dataset_options(void);

typedef struct bal_dataset bal_dataset;

typedef struct bal_dataset_info {
    const char *name;   /* "cifar10", or the path's last part */
    const char *format; /* name of the reader: "idx", "cifar10", "cifar100", "npz", "shards", "csv",
                           "jsonl", "folder" */
    const char *path;   /* where it was found */
    int classes;
    int channels, height, width; /* of every image that is handed out; 0 where mixed_sizes leaves it
                                    open */
    int64_t items[BAL_SPLIT_COUNT];
    int groups;    /* different groups of the items, see bal_dataset_group; 0: the data has none */
    bool weighted; /* not all training items have the weight 1, see bal_dataset_weight */
} bal_dataset_info;

/* Opens a data set: a path (format found by probing) or a known name looked up under $BALLAST_DATA,
 * $XDG_CACHE_HOME/ballast (or ~/.cache/ballast), /usr/share/datasets. A known name comes before a
 * folder of that name in the present folder, which is "./NAME". settings NULL: defaults.
 * Fails with BAL_BAD_DATA (unknown name: the nearest is suggested; fewer than two classes; a class
 * without training images), BAL_BAD_FILE (damaged file), BAL_IO, BAL_BAD_ARG (bad settings). */
BAL_API BAL_MUST_CHECK bal_status bal_dataset_open(bal_dataset **out, bal_ctx *ctx,
                                                   const char *where,
                                                   const bal_dataset_settings *settings);
BAL_API void bal_dataset_close(bal_dataset **dataset);
/* Texts are borrowed from the data set. */
BAL_API bal_dataset_info bal_dataset_describe(const bal_dataset *dataset);
/* How it was opened: returns where, and settings receives what was given (or the defaults), so that
 * the same set can be opened again. Texts are borrowed from the data set. */
BAL_API const char *bal_dataset_opened_as(const bal_dataset *dataset,
                                          bal_dataset_settings *settings);
/* Name of class c, 0 <= c < classes. */
BAL_API const char *bal_dataset_class_name(const bal_dataset *dataset, int c);
/* counts receives one number per class: the images of that split. */
BAL_API void bal_dataset_counts(const bal_dataset *dataset, bal_split split, int64_t *counts);
/* The item numbers of a split, ascending; borrowed; info.items[split] of them (0: the data has no
 * such split). */
BAL_API const int64_t *bal_dataset_items(const bal_dataset *dataset, bal_split split);
/* What skip_bad left out, in the order of the data, before anything is cut or split. Texts are
 * borrowed from the data set. */
typedef struct bal_skipped {
    const char *name, *reason; /* as bal_dataset_item_name; the sentence of the decoder */
    bal_split split;           /* where it was */
    int label;
} bal_skipped;
BAL_API int64_t bal_dataset_skipped_count(const bal_dataset *dataset);
/* 0 <= i < bal_dataset_skipped_count(). */
BAL_API bal_skipped bal_dataset_skipped(const bal_dataset *dataset, int64_t i);
BAL_API int bal_dataset_label(const bal_dataset *dataset, int64_t item);
/* The item's group (a patient, a site: items of one group never straddle splits), numbered from 0;
 * -1 where the data has none. */
BAL_API int bal_dataset_group(const bal_dataset *dataset, int64_t item);
/* How many numbers of groups there are, and the name of a group as it is written in the data; NULL
 * outside, borrowed from the data set. Not every group has items (long-tail cuts). */
BAL_API int bal_dataset_group_count(const bal_dataset *dataset);
BAL_API const char *bal_dataset_group_name(const bal_dataset *dataset, int group);
/* The weight of the item's loss in training, 0 or above; 1 where the data has none. Metrics, class
 * counts and samplers know no weights. */
BAL_API double bal_dataset_weight(const bal_dataset *dataset, int64_t item);
/* A stable name of an item for split.csv and messages: the file's path relative to the data set (of
 * a manifest: as it is written there), or "data_batch_2.bin#417". buffer is the caller's. Returns
 * buffer. */
BAL_API const char *bal_dataset_item_name(const bal_dataset *dataset, int64_t item, char *buffer,
                                          size_t size);
/* Decodes one image into the caller's memory, height x width x channels bytes. Thread safe:
 * messages go to ctx, which may be another context than the data set's (one per worker). Fails with
 * BAL_BAD_FILE when it cannot be decoded (the text names the file), BAL_BAD_ARG where the set has
 * mixed sizes and the settings name no size or channels. */
BAL_API BAL_MUST_CHECK bal_status bal_dataset_image(const bal_dataset *dataset, bal_ctx *ctx,
                                                    int64_t item, uint8_t *pixels);

/* What an image file is to become. */
typedef struct bal_image_wanted {
    int channels, height, width;
    const bal_dataset_settings *settings; /* crop_mode, crop_pct and the limits are read; NULL: the
                                             defaults */
} bal_image_wanted;
/* Decodes one image file, crops, resizes and converts it into the caller's memory (height x width x
 * channels bytes), as a data set does it: for prediction on single files. */
BAL_API BAL_MUST_CHECK bal_status bal_image_read(bal_ctx *ctx, const char *path,
                                                 const bal_image_wanted *wanted, uint8_t *pixels);

/* Writes height x width x channels bytes (1 or 3 channels) as PNG. The file appears whole or not at
 * all. Fails with BAL_BAD_ARG (a shape that cannot be), BAL_IO. */
BAL_API BAL_MUST_CHECK bal_status bal_image_write_png(bal_ctx *ctx, const char *path, int channels,
                                                      int height, int width, const uint8_t *pixels);

/* The class counts after a long-tail cut, in label order (Cui et al. 2019, Cao et al. 2019):
 *   exp:RATIO            n_j = floor(n_max * RATIO^(-j / (C - 1)))
 *   step:RATIO:FRACTION  the last floor(C * FRACTION) classes have floor(n_max / RATIO) images
 * n_max is the smallest class count of the input (so no class is asked for more than it has) for a
 * balanced set equal to all. CIFAR-10, exp:100: 5000 2997 1796 1077 645 387 232 139 83 50.
 * Fails with BAL_BAD_ARG when spec is not one of these, RATIO < 1, FRACTION outside 0..1, or a
 * class would be left without images. */
BAL_API BAL_MUST_CHECK bal_status bal_longtail_counts(bal_ctx *ctx, const char *spec, int classes,
                                                      const int64_t *counts, int64_t *out);

/* ---- known data sets ---- */

/* The known names, for `ballast data list`. Row i, or NULL at the end. */
typedef struct bal_known_dataset {
    const char *name, *about;
    const char *how_to_get; /* by hand, or otherwise than by bal_known_dataset_get */
    const char *licence;    /* one sentence; "no licence is stated" where it is so */
} bal_known_dataset;
BAL_API const bal_known_dataset *bal_known_dataset_at(int i);
/* The row of a name, or NULL. */
BAL_API const bal_known_dataset *bal_known_dataset_named(const char *name);
/* Where a known name is found now; new, release with bal_release; NULL with BAL_OK when not found.
 */
BAL_API BAL_MUST_CHECK bal_status bal_known_dataset_find(bal_ctx *ctx, const char *name,
                                                         char **path);

typedef struct bal_get_progress {
    const char *file;   /* the file that is loaded or unpacked now, without its folder */
    int number, files;  /* it is the number-th of so many, from 1 */
    int64_t now, total; /* bytes, with those of an earlier attempt; total 0: not known */
    bool unpacking;     /* now and total are bytes of the archive */
} bal_get_progress;

typedef struct bal_get_settings {
    const char *out;    /* folder that receives the set's own; NULL: $BALLAST_DATA, else the user's
                           cache ($XDG_CACHE_HOME/ballast or ~/.cache/ballast) */
    const char *mirror; /* https, http or file address of a folder that has the same files; NULL:
                           their publishers' addresses */
    int timeout;  /* 1..3600 seconds without a byte until an attempt is given up; default 60 */
    int attempts; /* 1..100 that bring nothing new, until the transfer is given up; default 4 */
    double wait;  /* 0..60 seconds before the second attempt, doubled for each further one;
                     default 1 */
    void (*progress)(void *user, const bal_get_progress *progress); /* or NULL; called from the
                                                                        thread of the call */
    void *progress_user;
} bal_get_settings;

BAL_API bal_get_settings bal_get_defaults(void);
/* out, mirror, timeout and attempts as option rows. */
BAL_API const bal_option *bal_get_options(void);

/* Gets a known data set: loads its files, compares size and checksum (SHA-256, or MD5 where its
 * publisher has no other), unpacks an archive so that nothing in it can leave the folder, and gives
 * the whole its name at the end. *path receives the folder or file to open; new, release with
 * bal_release. Without out a set that is found already is left as it is, as is one in out.
 * What arrived before a failure or bal_ctx_interrupt is kept in NAME.part beside it, and the next
 * call goes on with it; a file with a wrong sum is removed.
 * Fails with BAL_BAD_DATA (unknown name), BAL_BAD_ARG (settings), BAL_IO (network, server, no room,
 * another process does the same), BAL_BAD_FILE (wrong size or sum, an archive with links, devices
 * or names that lead out), BAL_INTERRUPTED. */
BAL_API BAL_MUST_CHECK bal_status bal_known_dataset_get(bal_ctx *ctx, const char *name,
                                                        const bal_get_settings *settings,
                                                        char **path);

/* The reader formats, for `ballast data list`. */
typedef struct bal_format_info {
    const char *name, *about;
} bal_format_info;
BAL_API const bal_format_info *bal_format_at(int i);

#ifdef __cplusplus
}
#endif
#endif
