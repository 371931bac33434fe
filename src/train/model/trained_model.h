/* The inside of a trained model. */
#ifndef BAL_TRAINED_MODEL_H
#define BAL_TRAINED_MODEL_H

#include "ballast/train.h"
#include "engine/engine.h"
#include "train/run/run_folder.h"
#include "train/score.h"

struct bal_model {
    bal_ctx *ctx;
    bal_run_data_held *held; /* NULL: no run */
    bal_run_data data;       /* zeros without a run */
    bal_graph *graph;
    bal_plan *plan;
    bal_shape input;
    int classes, logits, batch;
    bal_calibration *calibration; /* read with the run; NULL: none */
    char *run, *path;             /* of the run folder and its weights; NULL: no run */
    int epoch;                    /* of the weights, from 1; 0: they do not tell */
    int features;                 /* how many numbers the head reads */
    bal_pixel_norm norm;
    bal_pixel_table table;
    float *planes; /* a batch of images */
};

/* Reads calibration.json of the model's run, if there is one and it is of these weights. */
BAL_MUST_CHECK bal_status bal_model_read_calibration(bal_model *m);

#endif
