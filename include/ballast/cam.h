/* ballast/cam.h: where in an image a trained network sees a class.
 *
 * A class activation map weighs the K maps A_k (H x W) of one layer by how much the logit z_c of a
 * class rests on each, and adds them up: M(x, y) = sum_k alpha_k A_k(x, y).
 *   gradcam  alpha_k = 1 / (H W) sum_xy d z_c / d A_k(x, y), negative parts of M cut off
 *                                                                 (Selvaraju et al. 2017)
 *   ce       the layer that global average pooling reads: M as it is, signed, over all features or
 *            some. The sum of map k over its positions is the classification embedding
 *            CE_k = w_ck f_k of explain.h; with a cosine head CE_k = s w_ck f_k / (|w_c| |f|). So
 * the map ties the picture to the numbers: over all features its sum is z_c less the bias (Zhou et
 * al. 2016; Dablain et al. 2023 for the embedding)
 */
#ifndef BALLAST_CAM_H
#define BALLAST_CAM_H

#include "ballast/train.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bal_cam_settings {
    const char *kind;   /* "gradcam" (default) or "ce" */
    const char *layer;  /* a node of the network (bal_graph_node_name: "layer2.0.conv1"), or NULL:
                           the one that global average pooling reads, else the last that has height
                           and width. ce: NULL */
    int batch_size;     /* images at a time, 1..65536; default 32 */
    const char *engine; /* NULL: best */
} bal_cam_settings;
BAL_API bal_cam_settings bal_cam_defaults(void);

typedef struct bal_cam bal_cam;
/* The model is borrowed and must outlive the handle; its weights are copied. Fails with
 * BAL_BAD_ARG: an unknown kind or layer (nearest suggested), a layer without height and width, or
 * of which the logits do not depend; BAL_MISMATCH: ce on a network without global average pooling
 * before its head (said, and that gradcam works). */
BAL_API BAL_MUST_CHECK bal_status bal_cam_open(bal_cam **out, bal_ctx *ctx, const bal_model *model,
                                               const bal_cam_settings *settings);
BAL_API void bal_cam_close(bal_cam **cam);
/* Name of the layer; borrowed. */
BAL_API const char *bal_cam_layer(const bal_cam *cam);
/* Of the layer: channels is K, height and width are those of a map. */
BAL_API bal_shape bal_cam_shape(const bal_cam *cam);
/* The context that it was opened with. */
BAL_API bal_ctx *bal_cam_context(const bal_cam *cam);
/* Of the images that the network reads. */
BAL_API bal_shape bal_cam_input(const bal_cam *cam);

typedef struct bal_cam_ask {
    const uint8_t *pixels; /* count images of the network's shape, height x width x channels */
    int64_t count;
    const int32_t *classes; /* count: the class of each map; or NULL: the predicted one */
    const bool *features;   /* classes x K: which maps are added up for a class (its top-K); or
                               NULL: all */
    float *maps;            /* receives count x height x width of bal_cam_shape */
    int32_t *predicted;     /* receives count classes, or NULL */
    float *probability;     /* receives softmax(z) of the map's class, count; or NULL */
} bal_cam_ask;
/* Fails with BAL_BAD_ARG (a class out of range), BAL_INTERRUPTED. */
BAL_API BAL_MUST_CHECK bal_status bal_cam_maps(bal_cam *cam, const bal_cam_ask *ask);

/* ---- pictures ---- */

typedef struct bal_cam_picture {
    bal_shape image; /* 1 or 3 channels */
    const uint8_t *pixels;
    int map_height, map_width;
    const float *map;
    int zoom; /* how many pixels a side of an image pixel becomes, 1..64 */
} bal_cam_picture;
/* rgb receives (height zoom) x (width zoom) x 3 bytes: the image in grey with the map over it, in
 * the colours of magma from black (0 and below) to light yellow (the map's largest). The map is
 * interpolated linearly between the middles of its positions. Where nothing is above 0 the image
 * stays as it is. */
BAL_API void bal_cam_overlay(const bal_cam_picture *picture, uint8_t *rgb);

/* A line of a contact sheet: images of a data set, each beside its map, with a caption. */
typedef struct bal_cam_row {
    const char *title; /* plain ASCII */
    int64_t count;
    const int64_t *items;   /* of the data set */
    const int32_t *classes; /* of which class the maps are; NULL: the predicted ones */
} bal_cam_row;
typedef struct bal_cam_sheet {
    const bal_dataset *data; /* opened as the network wants it */
    const char *title;       /* plain ASCII, or NULL */
    const bal_cam_row *rows;
    int row_count;
    const bool *features; /* as in bal_cam_ask */
    int zoom;             /* 0: so that an image is about 96 pixels wide */
} bal_cam_sheet;
/* Writes all rows as one PNG. A caption says the item's label, and what the network says of it with
 * the probability of the map's class. A row without items stands there as its title. Fails with
 * BAL_BAD_ARG (no rows, an item that the data does not have), BAL_MISMATCH (images of another
 * shape), BAL_BAD_FILE (an image), BAL_IO. */
BAL_API BAL_MUST_CHECK bal_status bal_cam_sheet_write(bal_cam *cam, const bal_cam_sheet *sheet,
                                                      const char *path);

#ifdef __cplusplus
}
#endif
#endif
