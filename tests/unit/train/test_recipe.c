/* Recipes as text: reading, errors with their lines, overrides, writing, copies. */
#include "helpers/helpers.h"

#include "train/recipe/recipe_keys.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const whole =
    "name: mine\n"
    "about: \"what: it does\"\n"
    "source: here\n"
    "head: cosine\n"
    "scale: 16\n"
    "batch_size: 64\n"
    "epochs: 30\n"
    "optimizer: {name: sgd, lr: 0.05, momentum: 0.8, nesterov: true, weight_decay: 5e-4,\n"
    "            decay_norm: false}\n"
    "schedule:\n"
    "  name: cosine\n"
    "  warmup: 3\n"
    "  drops: [50%, 75%]\n"
    "  factor: 0.1\n"
    "  min_lr: 1e-5\n"
    "stages:\n"
    "  - epochs: 20\n"
    "    sampler: sqrt\n"
    "    loss: {name: focal, weight: effective, beta: 0.999, gamma: 1.5, max_m: 0.3, tau: 2,\n"
    "           label_smoothing: 0.1, reduction: weighted_mean}\n"
    "    augment: {crop_padding: 2, hflip: 0.25}\n"
    "  - epochs: 10\n"
    "    train: head\n"
    "    freeze: [\"fc.b*\", \"layer[12].*\"]\n";

static bal_recipe *parse(bal_ctx *ctx, const char *text)
{
    bal_recipe *r;
    test_ok(ctx, bal_recipe_parse(&r, ctx, "my.yaml", text, strlen(text)));
    return r;
}

static void reads_every_key(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_recipe *r = parse(ctx, whole);
    assert_string_equal(bal_recipe_name(r), "mine");
    assert_string_equal(r->general.about, "what: it does");
    assert_string_equal(r->general.head, "cosine");
    assert_true(r->general.scale == 16);
    assert_int_equal(r->general.batch_size, 64);
    assert_int_equal(r->general.epochs, 30);
    assert_true(r->optimizer.lr == 0.05 && r->optimizer.momentum == 0.8);
    assert_true(r->optimizer.nesterov && !r->optimizer.decay_norm);
    assert_true(r->optimizer.weight_decay == 5e-4);
    assert_string_equal(r->schedule_text.name, "cosine");
    assert_string_equal(r->schedule_text.warmup, "3");
    assert_string_equal(r->schedule_text.drops, "50%, 75%");
    assert_true(r->schedule_text.factor == 0.1 && r->schedule_text.min_lr == 1e-5);
    assert_int_equal(r->stage_count, 2);
    const bal_recipe_stage *s = r->stages;
    assert_string_equal(s[0].epochs, "20");
    assert_string_equal(s[0].sampler, "sqrt");
    assert_string_equal(s[0].loss.name, "focal");
    assert_string_equal(s[0].loss.weight, "effective");
    assert_string_equal(s[0].loss.reduction, "weighted_mean");
    assert_true(s[0].loss.beta == 0.999 && s[0].loss.gamma == 1.5 && s[0].loss.max_m == 0.3);
    assert_true(s[0].loss.tau == 2 && s[0].loss.label_smoothing == 0.1);
    assert_int_equal(s[0].augment.crop_padding, 2);
    assert_true(s[0].augment.hflip == 0.25);
    assert_string_equal(s[0].train, "*");
    assert_null(s[0].freeze);
    assert_string_equal(s[1].train, "head");
    assert_string_equal(s[1].freeze, "fc.b*, layer[12].*");
    assert_string_equal(s[1].loss.name, "ce");
    assert_int_equal(s[0].line, 17);
    assert_int_equal(s[0].loss_line, 19);
    assert_int_equal(s[1].line, 22);
    bal_recipe_close(&r);
    assert_null(r);
    bal_recipe_close(&r);
    bal_recipe_close(NULL);
    bal_ctx_close(&ctx);
}

/* One line of damage a row: the text, and words that the message must have. */
static const struct {
    const char *text, *words[3];
} damaged[] = {
    {"stages:\n  - loss: {gama: 2}\n",
     {"my.yaml:2: unknown key \"gama\" in loss; did you mean \"gamma\"?"}},
    {"stagse: []\n", {"my.yaml:1: unknown key \"stagse\" in the recipe; did you mean \"stages\"?"}},
    {"stages:\n  -\n    los: {}\n", {"my.yaml:3:", "\"los\" in a stage; did you mean \"loss\"?"}},
    {"lr: 0.1\n", {"my.yaml:1: unknown key \"lr\" in the recipe; it belongs in optimizer"}},
    {"zzzzzzz: 0.1\n", {"my.yaml:1: unknown key \"zzzzzzz\" in the recipe"}},
    {"stages:\n  - loss: {name: ce, name: ldam}\n",
     {"my.yaml:2: key \"name\" stands twice in loss"}},
    {"stages: [{}]\nstages: [{}]\n", {"my.yaml:2: key \"stages\" stands twice in the recipe"}},
    {"optimizer: {}\noptimizer: {}\n", {"my.yaml:2: key \"optimizer\" stands twice"}},
    {"epochs: 20\n\n\nname: x\n", {"my.yaml:5: the recipe has no stages"}},
    {"stages: []\n", {"the recipe has no stages"}},
    {"", {"my.yaml:1: the recipe is empty"}},
    {"# nothing\n", {"my.yaml:1: the recipe is empty"}},
    {"- a\n", {"my.yaml:1: a list where a recipe, a mapping (key: value) is expected"}},
    {"ce\n", {"my.yaml:1: a single value where a recipe"}},
    {"stages: 3\n", {"my.yaml:1: stages is a single value; it wants a list of stages"}},
    {"stages:\n- ce\n", {"my.yaml:2: a single value where a stage"}},
    {"stages: {loss: ce}\n", {"my.yaml:1: stages is a mapping", "list of stages"}},
    {"stages:\n- loss: ce\n", {"my.yaml:2: loss is a single value; it wants a mapping"}},
    {"epochs: [1]\n", {"my.yaml:1: epochs is a list; it wants a single value"}},
    {"epochs: {a: 1}\n", {"my.yaml:1: epochs is a mapping", "single value"}},
    {"schedule:\n  drops: {a: 1}\n", {"my.yaml:2: drops is a mapping", "list of values"}},
    {"schedule:\n  drops:\n    - 80%\n    - [90%]\n", {"my.yaml:4: a list where a list of single"}},
    {"? [a]\n: b\n", {"my.yaml:1: a list where the name of a key is expected"}},
    {"epochs: 2000*12\n", {"my.yaml:1: epochs wants a whole number from 1 to 100000", "2000*12"}},
    {"epochs: 0\n", {"my.yaml:1: epochs wants a whole number"}},
    {"epochs: 99999999999999999999\n", {"my.yaml:1: epochs wants a whole number"}},
    {"optimizer:\n  lr: fast\n", {"my.yaml:2: lr wants a number", "\"fast\""}},
    {"optimizer: {lr: .nan}\n", {"my.yaml:1: lr wants a number"}},
    {"optimizer: {lr: .inf}\n", {"my.yaml:1: lr wants a number"}},
    {"optimizer: {nesterov: maybe}\n", {"nesterov wants true or false"}},
    {"optimizer: {name: adam}\n", {"name wants one of sgd"}},
    {"schedule: {drops: [80%, 9O%]}\n", {"my.yaml:1: drops wants epochs or a percentage", "9O%"}},
    {"schedule: {drops: [\"80%,90%\"]}\n", {"an item of drops has a comma"}},
    {"schedule: {drops: \"80%,,90%\"}\n", {"my.yaml:1: drops wants epochs"}},
    {"stages:\n- freeze: \"a,,b\"\n", {"my.yaml:2: freeze has an empty item"}},
    {"stages:\n- freeze: [\"\"]\n", {"my.yaml:2: freeze has an empty item"}},
    {"schedule: {warmup: 5 epochs}\n", {"my.yaml:1: warmup wants epochs or a percentage"}},
    {"name:\n", {"my.yaml:1: name has no value"}},
    {"name: ~\n", {"my.yaml:1: name has no value"}},
    {"about: null\n", {"my.yaml:1: about has no value"}},
    {"name: \"\"\n", {"name wants a text that is not empty"}},
    {"name: \"a\\0b\"\n", {"my.yaml:1: name contains a zero byte"}},
    {"name: &a x\n", {"my.yaml:1: anchor \"&a\": recipes have no anchors"}},
    {"stages: &a [{}]\n", {"my.yaml:1: anchor \"&a\""}},
    {"stages:\n- &a {}\n- *a\n", {"my.yaml:2: anchor \"&a\""}},
    {"stages:\n- *a\n", {"my.yaml:2: alias \"*a\": write the value out"}},
    {"name: !!str x\n", {"my.yaml:1: tag \"tag:yaml.org,2002:str\": recipes have no tags"}},
    {"epochs: !int 3\n", {"my.yaml:1: tag \"!int\""}},
    {"stages: [\n", {"not valid YAML"}},
    {"name: \"x\n", {"not valid YAML"}},
    {"name: x\n\tepochs: 3\n", {"my.yaml:2: not valid YAML"}},
    {"name: \xff\n", {"my.yaml:1: not valid YAML"}},
    {"name: a\nstages: [{}]\n---\nname: b\n", {"my.yaml:3: a second document"}},
};

static void refuses_damage_with_its_line(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    for (size_t i = 0; i < BAL_COUNT_OF(damaged); i++) {
        bal_recipe *r;
        const char *text = damaged[i].text;
        const bal_status status = bal_recipe_parse(&r, ctx, "my.yaml", text, strlen(text));
        assert_null(r);
        test_fails(ctx, status, BAL_MISMATCH, damaged[i].words[0], damaged[i].words[1], NULL);
    }
    bal_ctx_close(&ctx);
}

static void refuses_what_is_too_large(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_recipe *r;
    const size_t size = 300 * 1024;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '#', size);
    test_fails(ctx, bal_recipe_parse(&r, ctx, "big.yaml", text, size), BAL_MISMATCH, "big.yaml",
               "262144", NULL);
    memset(text, '[', size); /* nesting stops at the first level that no recipe has */
    test_fails(ctx, bal_recipe_parse(&r, ctx, "deep.yaml", text, 100000), BAL_MISMATCH,
               "deep.yaml:1: a list where", NULL);
    int at = snprintf(text, size, "stages:\n");
    for (int i = 0; i <= BAL_RECIPE_STAGES; i++)
        at += snprintf(text + at, size - (size_t)at, "- {}\n");
    test_fails(ctx, bal_recipe_parse(&r, ctx, "many.yaml", text, (size_t)at), BAL_MISMATCH,
               "many.yaml:34: more than 32 stages", NULL);
    at = snprintf(text, size, "about: %05000d\n", 7);
    test_fails(ctx, bal_recipe_parse(&r, ctx, "long.yaml", text, (size_t)at), BAL_MISMATCH,
               "long.yaml:1: about is longer than 4096 bytes", NULL);
    at = snprintf(text, size, "stages:\n- train: [%03000d, %03000d]\n", 7, 7);
    test_fails(ctx, bal_recipe_parse(&r, ctx, "long.yaml", text, (size_t)at), BAL_MISMATCH,
               "long.yaml:2: train is longer than 4096 bytes", NULL);
    free(text);
    bal_ctx_close(&ctx);
}

/* ---- writing ---- */

static void assert_round_trip(bal_ctx *ctx, const bal_recipe *r)
{
    char *first, *second;
    bal_recipe *again;
    test_ok(ctx, bal_recipe_yaml(r, ctx, &first));
    test_ok(ctx, bal_recipe_parse(&again, ctx, "again", first, strlen(first)));
    test_ok(ctx, bal_recipe_yaml(again, ctx, &second));
    assert_string_equal(first, second);
    /* and the second recipe is the first: every field, through the rows */
    const bal_recipe_key *key;
    assert_int_equal(again->stage_count, r->stage_count);
    for (int i = 0; (key = bal_recipe_key_at(i)); i++)
        for (int s = 0; s < BAL_RECIPE_SECTIONS; s++) {
            const bal_recipe_section *section = &bal_recipe_sections[s];
            if (!bal_recipe_in_section(section, i))
                continue;
            for (int n = 0; n < (section->in_stage ? r->stage_count : 1); n++) {
                const char *a = section->in_stage ? (const char *)&r->stages[n] : (const char *)r;
                const char *b =
                    section->in_stage ? (const char *)&again->stages[n] : (const char *)again;
                a += section->offset + key->option->offset;
                b += section->offset + key->option->offset;
                if (key->option->kind == BAL_OPTION_TEXT ||
                    key->option->kind == BAL_OPTION_CHOICE) {
                    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
                    assert_true((!x && !y) || (x && y && strcmp(x, y) == 0));
                } else if (key->option->kind == BAL_OPTION_REAL) {
                    assert_memory_equal(a, b, sizeof(double));
                } else {
                    assert_memory_equal(
                        a, b, key->option->kind == BAL_OPTION_INT ? sizeof(int) : sizeof(bool));
                }
            }
        }
    bal_recipe_close(&again);
    bal_release(ctx, first);
    bal_release(ctx, second);
}

static void writes_what_it_read(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_recipe *r = parse(ctx, whole);
    assert_round_trip(ctx, r);
    /* texts and numbers that need care */
    test_ok(ctx, bal_recipe_set(r, "about", "null"));
    test_ok(ctx, bal_recipe_set(r, "source", "two\nlines: \"and\" #quotes\ttab \xc3\xa9 '"));
    test_ok(ctx, bal_recipe_set(r, "name", "~"));
    test_ok(ctx, bal_recipe_set(r, "optimizer.lr", "0.1000000000000000055"));
    test_ok(ctx, bal_recipe_set(r, "schedule.factor", "0.30000000000000004"));
    test_ok(ctx, bal_recipe_set(r, "schedule.drops", "[]"));
    test_ok(ctx, bal_recipe_set(r, "stages[0].train", "&a,*b, !c ,[d],{e},- f,? g,true,: h"));
    assert_null(r->schedule_text.drops);
    assert_string_equal(r->stages[0].train, "&a, *b, !c, [d], {e}, - f, ? g, true, : h");
    assert_round_trip(ctx, r);
    bal_recipe_close(&r);
    bal_ctx_close(&ctx);
}

static void writes_a_point_in_every_locale(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    static const char *const commas[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "nl_NL.UTF-8"};
    for (size_t i = 0; i < BAL_COUNT_OF(commas); i++)
        if (setlocale(LC_NUMERIC, commas[i]))
            break;
    bal_recipe *r = parse(ctx, whole); /* in the C locale too, where none of these is installed */
    char *text;
    test_ok(ctx, bal_recipe_yaml(r, ctx, &text));
    assert_non_null(strstr(text, "lr: 0.05\n"));
    assert_non_null(strstr(text, "min_lr: 1e-05\n"));
    assert_round_trip(ctx, r);
    setlocale(LC_NUMERIC, "C");
    bal_release(ctx, text);
    bal_recipe_close(&r);
    bal_ctx_close(&ctx);
}

/* ---- built-in recipes and files ---- */

static void every_builtin_recipe_is_whole(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    static const char *const wanted[] = {
        "ce",
        "weighted-ce",
        "cb-focal",
        "ldam-drw",
        "balanced-softmax",
        "logit-adjusted",
        "class-balanced-sampling",
        "mixup-drw",
        "cmo",
        "drs",
        "crt",
        "tau-norm",
        "ncm",
    };
    int count = 0;
    for (const bal_recipe_info *info; (info = bal_recipe_at(count)); count++) {
        bal_recipe *r;
        test_ok(ctx, bal_recipe_open(&r, ctx, info->name));
        assert_string_equal(bal_recipe_name(r), info->name);
        assert_string_equal(r->general.about, info->about);
        assert_string_equal(r->general.source, info->source);
        assert_true(r->general.epochs == 200 && r->general.batch_size == 128);
        assert_round_trip(ctx, r);
        bal_recipe_close(&r);
    }
    assert_true((size_t)count >= BAL_COUNT_OF(wanted));
    assert_null(bal_recipe_at(-1));
    for (size_t i = 0; i < BAL_COUNT_OF(wanted); i++) {
        bal_recipe *r;
        test_ok(ctx, bal_recipe_open(&r, ctx, wanted[i]));
        bal_recipe_close(&r);
    }
    bal_ctx_close(&ctx);
}

static void opens_names_and_paths(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "own-method.yaml");
    const char *text = "stages:\n- loss: {gama: 1}\n";
    bal_recipe *r;
    test_fails(ctx, bal_recipe_open(&r, ctx, "ldam-dwr"), BAL_BAD_ARG,
               "unknown recipe \"ldam-dwr\"; did you mean \"ldam-drw\"?", NULL);
    assert_null(r);
    test_fails(ctx, bal_recipe_open(&r, ctx, "something-else"), BAL_BAD_ARG,
               "unknown recipe \"something-else\"; there are: ", "ce", "weighted-ce", NULL);
    test_fails(ctx, bal_recipe_open(&r, ctx, path), BAL_IO, path, NULL);
    test_fails(ctx, bal_recipe_open(&r, ctx, "no-such.yml"), BAL_IO, "no-such.yml", NULL);
    test_write_file(path, text, strlen(text));
    test_fails(ctx, bal_recipe_open(&r, ctx, path), BAL_MISMATCH, path, ":2: unknown key", NULL);
    test_write_file(path, "stages: [{}]\n", 13);
    test_ok(ctx, bal_recipe_open(&r, ctx, path));
    assert_string_equal(bal_recipe_name(r), "own-method"); /* the file's, where none is given */
    bal_recipe_close(&r);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

/* ---- overrides ---- */

static void overrides_fields(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_recipe *r = parse(ctx, whole);
    test_ok(ctx, bal_recipe_set(r, "epochs", "7"));
    assert_int_equal(r->general.epochs, 7);
    assert_string_equal(r->stages[0].epochs, "20");
    test_ok(ctx, bal_recipe_set(r, "optimizer.lr", "1e-3"));
    assert_true(r->optimizer.lr == 1e-3);
    test_ok(ctx, bal_recipe_set(r, "schedule.name", "constant"));
    assert_string_equal(r->schedule_text.name, "constant");
    test_ok(ctx, bal_recipe_set(r, "schedule.drops", "3,5"));
    assert_string_equal(r->schedule_text.drops, "3, 5");
    test_ok(ctx, bal_recipe_set(r, "stages[1].loss.gamma", "3"));
    assert_true(r->stages[0].loss.gamma == 1.5 && r->stages[1].loss.gamma == 3);
    test_ok(ctx, bal_recipe_set(r, "loss.gamma", "4"));
    assert_true(r->stages[0].loss.gamma == 4 && r->stages[1].loss.gamma == 4);
    test_ok(ctx, bal_recipe_set(r, "stages.loss.gamma", "5"));
    assert_true(r->stages[0].loss.gamma == 5 && r->stages[1].loss.gamma == 5);
    test_ok(ctx, bal_recipe_set(r, "sampler", "progressive"));
    assert_string_equal(r->stages[0].sampler, "progressive");
    assert_string_equal(r->stages[1].sampler, "progressive");
    test_ok(ctx, bal_recipe_set(r, "stages[0].epochs", "60%"));
    assert_string_equal(r->stages[0].epochs, "60%");
    test_ok(ctx, bal_recipe_set(r, "augment.hflip", "0"));
    assert_true(r->stages[0].augment.hflip == 0 && r->stages[1].augment.hflip == 0);
    assert_round_trip(ctx, r);
    bal_recipe_close(&r);
    bal_ctx_close(&ctx);
}

/* Every row can be reached by its name, in its section. */
static void every_key_can_be_overridden(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_recipe *r = parse(ctx, whole);
    const bal_recipe_key *key;
    int keys = 0;
    for (; (key = bal_recipe_key_at(keys)); keys++) {
        char path[128], number[32];
        const bal_option *o = key->option;
        const char *value = o->choices ? "?" : "77";
        snprintf(path, sizeof path, "%s%s%s", key->section, *key->section ? "." : "", o->name);
        if (o->kind == BAL_OPTION_REAL || o->kind == BAL_OPTION_INT) {
            snprintf(number, sizeof number, "%.17g", o->max);
            value = number;
        } else if (o->kind == BAL_OPTION_FLAG) {
            value = "true";
        }
        char choice[64] = "";
        if (o->choices) {
            snprintf(choice, sizeof choice, "%.*s", (int)strcspn(o->choices, "|"), o->choices);
            value = choice;
        }
        test_ok(ctx, bal_recipe_set(r, path, value));
        assert_true(strlen(o->about) > 3);
    }
    assert_true(keys > 30);
    assert_null(bal_recipe_key_at(-1));
    assert_round_trip(ctx, r);
    bal_recipe_close(&r);
    bal_ctx_close(&ctx);
}

static void refuses_wrong_overrides(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_recipe *r = parse(ctx, whole);
    static const struct {
        const char *key, *text, *words;
    } rows[] = {
        {"optimizer.lrr", "1",
         "unknown recipe key \"optimizer.lrr\"; did you mean \"optimizer.lr\"?"},
        {"epoch", "1", "unknown recipe key \"epoch\"; did you mean \"epochs\"?"},
        {"stages[1].loss.gama", "1", "did you mean \"stages[1].loss.gamma\"?"},
        {"loss.gama", "1", "did you mean \"loss.gamma\"?"},
        {"stages[1].rate", "1", "unknown recipe key"},
        {"stages[2].epochs", "1", "the recipe has 2 stages, counted from 0"},
        {"stages[-1].epochs", "1", "unknown recipe key"},
        {"stages[1]epochs", "1", "unknown recipe key"},
        {"stages[99999999999999999999].epochs", "1", "unknown recipe key"},
        {"stages", "1", "unknown recipe key \"stages\""},
        {"loss", "1", "unknown recipe key \"loss\""},
        {"", "1", "unknown recipe key \"\""},
        {".", "1", "unknown recipe key"},
        {"optimizer.lr", "fast", "optimizer.lr wants a number"},
        {"stages[1].loss.gamma", "-1", "stages[1].loss.gamma wants a number from 0 to 100"},
        {"epochs", "2000*12", "epochs wants a whole number"},
        {"schedule.drops", "8O%", "schedule.drops wants epochs or a percentage"},
        {"schedule.drops", "", "schedule.drops wants epochs or a percentage"},
        {"name", "", "name wants a text that is not empty"},
        {"name", "\xff\xfe", "name is not UTF-8 text"},
        {"about", "\xed\xa0\x80", "about is not UTF-8 text"},
        {"about", "\xc3", "about is not UTF-8 text"},
    };
    char *before, *after;
    test_ok(ctx, bal_recipe_yaml(r, ctx, &before));
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++)
        test_fails(ctx, bal_recipe_set(r, rows[i].key, rows[i].text), BAL_BAD_ARG, rows[i].words,
                   NULL);
    test_ok(ctx, bal_recipe_yaml(r, ctx, &after));
    assert_string_equal(before, after);
    bal_release(ctx, before);
    bal_release(ctx, after);
    bal_recipe_close(&r);
    bal_ctx_close(&ctx);
}

static void a_copy_stands_alone(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx(), *other = test_ctx();
    bal_recipe *r = parse(ctx, whole), *copy;
    char *first, *second;
    test_ok(ctx, bal_recipe_yaml(r, ctx, &first));
    test_ok(other, bal_recipe_copy(&copy, other, r));
    bal_recipe_close(&r);
    test_ok(other, bal_recipe_yaml(copy, other, &second));
    assert_string_equal(first, second);
    assert_int_equal(copy->stages[1].line, 22);
    bal_release(ctx, first);
    bal_release(other, second);
    bal_recipe_close(&copy);
    bal_ctx_close(&ctx);
    bal_ctx_close(&other);
}

/* The help says "default X" where a field has one; it must be the default. */
static void help_tells_the_true_defaults(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_recipe *r = parse(ctx, "stages: [{}]\n");
    int said = 0;
    const bal_recipe_key *key;
    for (int i = 0; (key = bal_recipe_key_at(i)); i++) {
        const char *text = strstr(key->option->about, "default ");
        if (!text)
            continue;
        text += strlen("default ");
        if (strcmp(text, "none") == 0 && bal_recipe_is_list(key->option))
            text = "[]";
        char path[128], *before, *after;
        snprintf(path, sizeof path, "%s%s%s", key->section, *key->section ? "." : "",
                 key->option->name);
        test_ok(ctx, bal_recipe_yaml(r, ctx, &before));
        test_ok(ctx, bal_recipe_set(r, path, text));
        test_ok(ctx, bal_recipe_yaml(r, ctx, &after));
        if (strcmp(before, after) != 0)
            fail_msg("the help of %s says \"default %s\", which is not the default", path, text);
        bal_release(ctx, before);
        bal_release(ctx, after);
        said++;
    }
    assert_true(said > 25);
    bal_recipe_close(&r);
    bal_ctx_close(&ctx);
}

/* ---- memory ---- */

static bal_status parse_set_write_copy(bal_ctx *ctx, void *user)
{
    (void)user;
    bal_recipe *r, *copy = NULL;
    char *text = NULL;
    bal_status status = bal_recipe_parse(&r, ctx, "my.yaml", whole, strlen(whole));
    assert_true((status == BAL_OK) == (r != NULL));
    if (status == BAL_OK)
        status = bal_recipe_set(r, "schedule.drops", "10%, 20%, 30%");
    if (status == BAL_OK)
        status = bal_recipe_set(r, "loss.gamma", "2");
    if (status == BAL_OK)
        status = bal_recipe_copy(&copy, ctx, r);
    if (status == BAL_OK)
        status = bal_recipe_yaml(copy, ctx, &text);
    bal_release(ctx, text);
    bal_recipe_close(&r);
    bal_recipe_close(&copy);
    return status;
}

static bal_status open_builtin(bal_ctx *ctx, void *user)
{
    (void)user;
    bal_recipe *r;
    const bal_status status = bal_recipe_open(&r, ctx, "ldam-drw");
    bal_recipe_close(&r);
    return status;
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    test_allocation_failures(parse_set_write_copy, NULL);
    test_allocation_failures(open_builtin, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_key),
        cmocka_unit_test(refuses_damage_with_its_line),
        cmocka_unit_test(refuses_what_is_too_large),
        cmocka_unit_test(writes_what_it_read),
        cmocka_unit_test(writes_a_point_in_every_locale),
        cmocka_unit_test(every_builtin_recipe_is_whole),
        cmocka_unit_test(opens_names_and_paths),
        cmocka_unit_test(overrides_fields),
        cmocka_unit_test(every_key_can_be_overridden),
        cmocka_unit_test(refuses_wrong_overrides),
        cmocka_unit_test(a_copy_stands_alone),
        cmocka_unit_test(help_tells_the_true_defaults),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
