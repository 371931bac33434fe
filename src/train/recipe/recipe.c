/* Recipes: defaults, storing a value in a field, copies, and the built-in ones. Reading YAML is
 * recipe_parse.c, writing recipe_yaml.c, overrides recipe_set.c, checks recipe_check.c. */
#include "train/recipe/recipe_keys.h"

#include "base/cursor.h"
#include "train/recipe/recipe_embedded.h"

#include <stdio.h>
#include <string.h>

#define LARGEST_FILE ((size_t)256 * 1024)

/* ---- memory ---- */

char *bal_recipe_keep(bal_recipe *recipe, const char *text, size_t length)
{
    if (recipe->text_count == recipe->text_room) {
        const int room = recipe->text_room ? 2 * recipe->text_room : 16;
        char **bigger = bal_resize(recipe->ctx, recipe->texts, (size_t)recipe->text_count,
                                   (size_t)room, sizeof *bigger);
        if (!bigger)
            return NULL;
        recipe->texts = bigger;
        recipe->text_room = room;
    }
    char *copy = bal_calloc(recipe->ctx, length + 1, 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    recipe->texts[recipe->text_count++] = copy;
    return copy;
}

#define LOSS_DEFAULT(name, value, least, most, standard, about) .name = loss.name,

static void set_stage_defaults(bal_recipe_stage *stage)
{
    const bal_loss_settings loss = bal_loss_defaults();
    const bal_sampler_settings sampler = bal_sampler_defaults();
    const bal_mix_settings mix = bal_mix_defaults();
    *stage = (bal_recipe_stage){
        .epochs = "100%",
        .sampler = sampler.name,
        .sampler_q = sampler.q,
        .sampler_beta = sampler.beta,
        .sampler_t = sampler.t,
        .epoch_length = BAL_IMAGES_NATURAL,
        .loss = {.name = "ce",
                 .weight = "none",
                 .beta = 0.9999,
                 .rho = 1.2,
                 BAL_LOSS_NUMBER_LIST(LOSS_DEFAULT).label_smoothing = loss.label_smoothing,
                 .las_shape = loss.las_shape,
                 .reduction = "mean"},
        .augment = bal_augment_defaults(),
        .mix = {.name = mix.name,
                .alpha = mix.alpha,
                .prob = mix.prob,
                .k = mix.k,
                .tau = mix.tau,
                .f = mix.f,
                .a = mix.a,
                .draw = "batch",
                .skip_first = "0",
                .skip_last = "0"},
        .train = "*",
        .normalize_tau = 1.0,
        .norm = "batch",
        .schedule = "run",
        .weight_decay = -1.0,
        .features = "none",
    };
    stage->augment.crop_padding = 4;
    stage->augment.hflip = 0.5;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

/* A recipe without a name has that of its file. */
static const char *name_after(bal_recipe *recipe, const char *where)
{
    const char *slash = strrchr(where, '/');
    const char *name = slash ? slash + 1 : where;
    const size_t end = ends_with(name, ".yaml") ? 5 : ends_with(name, ".yml") ? 4 : 0;
    const size_t length = strlen(name) - end;
    return length ? bal_recipe_keep(recipe, name, length) : "unnamed";
}

bal_status bal_recipe_new(bal_recipe **out, bal_ctx *ctx, const char *where)
{
    *out = NULL;
    bal_recipe *recipe = bal_calloc(ctx, 1, sizeof *recipe);
    if (!recipe)
        return BAL_NO_MEMORY;
    recipe->ctx = ctx;
    recipe->where = bal_strdup(ctx, where);
    const char *name = recipe->where ? name_after(recipe, where) : NULL;
    if (!name) {
        bal_recipe_close(&recipe);
        return BAL_NO_MEMORY;
    }
    /* Cao et al. 2019: the training that most long-tail papers compare under */
    recipe->general = (bal_recipe_general){.name = name,
                                           .head = "linear",
                                           .scale = 30,
                                           .head_bias = "zero",
                                           .batch_size = 128,
                                           .epochs = 200,
                                           .select = "best"};
    recipe->optimizer = (bal_recipe_optimizer){.name = "sgd",
                                               .lr = 0.1,
                                               .momentum = BAL_RECIPE_MOMENTUM,
                                               .beta1 = BAL_RECIPE_BETA1,
                                               .beta2 = BAL_RECIPE_BETA2,
                                               .eps = BAL_RECIPE_EPS,
                                               .weight_decay = 2e-4,
                                               .decay_norm = true,
                                               .grad_accum_steps = 1,
                                               .ema_warmup = true,
                                               .swa_start = "0"};
    recipe->swa_first = -1;
    recipe->schedule_text = (bal_recipe_schedule){
        .name = "step", .warmup = "2.5%", .drops = "80%, 90%", .factor = 0.01};
    *out = recipe;
    return BAL_OK;
}

void bal_recipe_close(bal_recipe **recipe)
{
    if (!recipe || !*recipe)
        return;
    bal_ctx *ctx = (*recipe)->ctx;
    for (int i = 0; i < (*recipe)->text_count; i++)
        bal_free(ctx, (*recipe)->texts[i]);
    bal_free(ctx, (*recipe)->texts);
    bal_free(ctx, (*recipe)->stages);
    bal_free(ctx, (*recipe)->where);
    bal_free(ctx, *recipe);
    *recipe = NULL;
}

bal_recipe_stage *bal_recipe_add_stage(bal_recipe *recipe)
{
    const size_t count = (size_t)recipe->stage_count;
    bal_recipe_stage *bigger =
        bal_resize(recipe->ctx, recipe->stages, count, count + 1, sizeof *bigger);
    if (!bigger)
        return NULL;
    recipe->stages = bigger;
    set_stage_defaults(&bigger[count]);
    recipe->stage_count++;
    return &bigger[count];
}

/* Gives the struct of a section its own copies of the texts that it shares with another recipe. */
static bool own_texts(bal_recipe *recipe, const bal_recipe_section *section, void *settings)
{
    const bal_recipe_key *key;
    for (int i = 0; (key = bal_recipe_key_at(i)); i++) {
        if (!bal_recipe_in_section(section, i) ||
            (key->option->kind != BAL_OPTION_TEXT && key->option->kind != BAL_OPTION_CHOICE))
            continue;
        const char **field = (const char **)((char *)settings + key->option->offset);
        if (*field && !(*field = bal_recipe_keep(recipe, *field, strlen(*field))))
            return false;
    }
    return true;
}

bal_status bal_recipe_copy(bal_recipe **out, bal_ctx *ctx, const bal_recipe *from)
{
    bal_recipe *copy;
    BAL_TRY(bal_recipe_new(&copy, ctx, from->where));
    *out = NULL;
    copy->general = from->general;
    copy->optimizer = from->optimizer;
    copy->schedule_text = from->schedule_text;
    copy->optimizer_line = from->optimizer_line;
    copy->schedule_line = from->schedule_line;
    copy->schedule = from->schedule;
    copy->swa_first = from->swa_first;
    copy->all_epochs = from->all_epochs;
    if (from->chosen)
        copy->chosen = bal_recipe_keep(copy, from->chosen, strlen(from->chosen));
    bool ok = copy->chosen || !from->chosen;
    for (int i = 0; ok && i < from->stage_count; i++) {
        bal_recipe_stage *stage = bal_recipe_add_stage(copy);
        ok = stage;
        if (stage)
            *stage = from->stages[i];
    }
    for (int s = 0; ok && s < BAL_RECIPE_SECTIONS; s++) {
        const bal_recipe_section *section = &bal_recipe_sections[s];
        char *base = section->in_stage ? (char *)copy->stages : (char *)copy;
        const size_t step = section->in_stage ? sizeof *copy->stages : 0;
        const int count = section->in_stage ? copy->stage_count : 1;
        for (int i = 0; ok && i < count; i++)
            ok = own_texts(copy, section, base + (size_t)i * step + section->offset);
    }
    if (!ok) {
        bal_recipe_close(&copy);
        return BAL_NO_MEMORY;
    }
    *out = copy;
    return BAL_OK;
}

/* ---- storing a value ---- */

/* "a,b" and "a, b" become "a, b"; "[]" becomes NULL. */
static bal_status store_list(bal_recipe *recipe, const bal_option *row, const char **field,
                             const char *text)
{
    if (strcmp(text, "[]") == 0) {
        *field = NULL;
        return BAL_OK;
    }
    /* each comma grows by one blank at most */
    const size_t room = 2 * strlen(text);
    char *list = bal_calloc(recipe->ctx, room + 1, 1);
    if (!list)
        return BAL_NO_MEMORY;
    const char *at = text, *item;
    size_t length, used = 0;
    while (bal_recipe_next_item(&at, &item, &length)) {
        if (length == 0) {
            bal_free(recipe->ctx, list);
            return bal_fail(recipe->ctx, BAL_BAD_ARG, "%s has an empty item in \"%s\"", row->name,
                            text);
        }
        if (used > 0) {
            memcpy(list + used, ", ", 2);
            used += 2;
        }
        memcpy(list + used, item, length);
        used += length;
    }
    const char *kept = bal_recipe_keep(recipe, list, used);
    bal_free(recipe->ctx, list);
    if (!kept)
        return BAL_NO_MEMORY;
    *field = kept;
    return BAL_OK;
}

static bal_status check_amounts(bal_recipe *recipe, const char *name, const char *text)
{
    const char *at = text, *item;
    size_t length;
    while (bal_recipe_next_item(&at, &item, &length)) {
        char amount[64];
        double epochs;
        const size_t size = length < sizeof amount ? length : sizeof amount - 1;
        memcpy(amount, item, size);
        amount[size] = '\0';
        BAL_TRY(bal_schedule_amount(recipe->ctx, name, amount, 100, &epochs));
    }
    return BAL_OK;
}

/* Well-formed UTF-8 (RFC 3629), so that the recipe can be written as YAML. */
static bool is_utf8(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    while (*c) {
        const int more = *c < 0x80 ? 0 : *c < 0xc2 ? -1 : *c < 0xe0 ? 1 : *c < 0xf0 ? 2 : 3;
        if (more < 0 || *c > 0xf4)
            return false;
        const unsigned char lead = *c, next = more ? c[1] : 0;
        if ((lead == 0xe0 && next < 0xa0) || (lead == 0xed && next > 0x9f) ||
            (lead == 0xf0 && next < 0x90) || (lead == 0xf4 && next > 0x8f))
            return false;
        for (int i = 1; i <= more; i++)
            if ((c[i] & 0xc0) != 0x80)
                return false;
        c += more + 1;
    }
    return true;
}

bal_status bal_recipe_store(bal_recipe *recipe, const bal_option *row, void *settings,
                            const char *prefix, const char *text)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s", prefix, row->name);
    if (!is_utf8(text))
        return bal_fail(recipe->ctx, BAL_BAD_ARG, "%s is not UTF-8 text", name);
    const bal_recipe_form form = bal_recipe_form_of(row);
    if (form == BAL_FORM_PLAIN)
        return bal_option_set(recipe->ctx, row, settings, prefix, text);
    if (form == BAL_FORM_IMAGES) {
        int64_t images;
        BAL_TRY(bal_schedule_images(recipe->ctx, name, text, 1, &images));
    }
    const bool empty = bal_recipe_is_list(row) && strcmp(text, "[]") == 0;
    if ((form == BAL_FORM_AMOUNT || form == BAL_FORM_AMOUNTS) && !empty)
        BAL_TRY(check_amounts(recipe, name, text));
    if (!bal_recipe_is_list(row))
        return bal_option_set(recipe->ctx, row, settings, prefix, text);
    return store_list(recipe, row, (const char **)((char *)settings + row->offset), text);
}

/* ---- built-in recipes ---- */

const bal_recipe_info *bal_recipe_at(int i)
{
    for (int at = 0; i >= 0 && bal_embedded_recipes[at].name; at++)
        if (at == i)
            return &bal_embedded_recipes[at];
    return NULL;
}

const char *bal_recipe_name(const bal_recipe *recipe)
{
    return recipe->general.name;
}

static const char *builtin_name(const void *user, int i)
{
    (void)user;
    if (i == 0)
        return BAL_RECIPE_AUTO;
    const bal_recipe_info *info = bal_recipe_at(i - 1);
    return info ? info->name : NULL;
}

bal_status bal_recipe_open(bal_recipe **out, bal_ctx *ctx, const char *name_or_path)
{
    *out = NULL;
    if (strchr(name_or_path, '/') || ends_with(name_or_path, ".yaml") ||
        ends_with(name_or_path, ".yml")) {
        bal_bytes text;
        BAL_TRY(bal_file_read(ctx, name_or_path, LARGEST_FILE, &text));
        const bal_status status =
            bal_recipe_parse(out, ctx, name_or_path, (const char *)text.data, text.count);
        bal_bytes_free(ctx, &text);
        return status;
    }
    if (strcmp(name_or_path, BAL_RECIPE_AUTO) == 0)
        return bal_fail(ctx, BAL_BAD_ARG,
                        "recipe \"%s\" is chosen by the classes of a data set, and there is none",
                        name_or_path);
    const bal_recipe_info *info;
    for (int i = 0; (info = bal_recipe_at(i)); i++)
        if (strcmp(info->name, name_or_path) == 0)
            return bal_recipe_parse(out, ctx, name_or_path, info->yaml, strlen(info->yaml));
    return bal_recipe_unknown(ctx, BAL_BAD_ARG, "",
                              &(bal_name_list){.what = "recipe", .name_at = builtin_name},
                              name_or_path);
}
