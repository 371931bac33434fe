/* See loss_state.h. Numbers are JSON with 17 digits, so they come back bit for bit. */
#include "train/loss_state.h"

#include "base/context.h"
#include "base/writer.h"

#include <jansson.h>

#define METADATA_LOSS "ballast.loss"

static bal_status save_numbers(bal_ctx *ctx, int stage, const double *state, int count,
                               bal_weights *weights)
{
    json_t *list = json_array();
    for (int j = 0; j < count; j++)
        json_array_append_new(list, json_real(state[j]));
    json_t *all = json_pack("{s:i, s:o}", "stage", stage, "state", list);
    char *text = bal_json_text(ctx, all, false);
    const bool whole = all && json_array_size(list) == (size_t)count;
    json_decref(all);
    const bal_status status =
        text && whole ? bal_weights_set_metadata(weights, METADATA_LOSS, text) : BAL_NO_MEMORY;
    bal_free(ctx, text);
    return status;
}

bal_status bal_loss_state_save(const bal_loss *loss, bal_ctx *ctx, int stage, bal_weights *weights)
{
    const int count = bal_loss_state_count(loss);
    if (count == 0)
        return BAL_OK;
    double *state = bal_calloc(ctx, (size_t)count, sizeof *state);
    if (!state)
        return BAL_NO_MEMORY;
    bal_loss_get_state(loss, state);
    const bal_status status = save_numbers(ctx, stage, state, count, weights);
    bal_free(ctx, state);
    return status;
}

/* The numbers of a list; false: something else is in it. */
static bool read_numbers(const json_t *list, double *state)
{
    bool numbers = true;
    for (size_t j = 0; j < json_array_size(list); j++) {
        numbers = numbers && json_is_number(json_array_get(list, j));
        state[j] = json_number_value(json_array_get(list, j));
    }
    return numbers;
}

static bal_status restore(bal_loss *loss, bal_ctx *ctx, int stage, const json_t *all,
                          const char *where)
{
    const json_t *of = json_object_get(all, "stage"), *list = json_object_get(all, "state");
    const int count = bal_loss_state_count(loss);
    if (!json_is_integer(of) || !json_is_array(list))
        return bal_fail(ctx, BAL_BAD_FILE, "%s: the state of the loss has no stage and numbers",
                        where);
    if (json_integer_value(of) != stage)
        return BAL_OK;
    if (json_array_size(list) != (size_t)count)
        return bal_fail(ctx, BAL_BAD_FILE, "%s: the state of the loss has %zu numbers, not %d",
                        where, json_array_size(list), count);
    double *state = bal_calloc(ctx, (size_t)count + 1, sizeof *state);
    if (!state)
        return BAL_NO_MEMORY;
    bal_status status =
        read_numbers(list, state)
            ? bal_loss_set_state(loss, ctx, state, count)
            : bal_fail(ctx, BAL_BAD_FILE, "the state of the loss is not all numbers");
    bal_free(ctx, state);
    return status == BAL_OK ? status : bal_fail_within(ctx, BAL_BAD_FILE, "%s", where);
}

bal_status bal_loss_state_restore(bal_loss *loss, bal_ctx *ctx, int stage,
                                  const bal_weights *weights, const char *where)
{
    const char *text = weights ? bal_weights_metadata(weights, METADATA_LOSS) : NULL;
    if (!text)
        return BAL_OK;
    json_error_t error;
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!all)
        return bal_fail(ctx, BAL_BAD_FILE, "%s: the state of the loss is no JSON: %s", where,
                        error.text);
    const bal_status status = restore(loss, ctx, stage, all, where);
    json_decref(all);
    return status;
}
