/* Values and momenta out of a plan and into another: nothing is lost, nothing is made up. */
#include "helpers/helpers.h"

#include "base/random.h"
#include "train/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 3
#define CLASSES 4
#define PIXELS (BATCH * 3 * 8 * 8)

typedef struct fixture {
    bal_ctx *ctx;
    const bal_engine *engine;
    bal_graph *graph;
    bal_weights *start;
    float *lr, *decay;
    bool *head; /* a set of parameters: the head's alone */
} fixture;

static fixture open_fixture(const bal_engine *engine)
{
    fixture f = {.ctx = test_ctx(), .engine = engine};
    bal_model_settings model = bal_model_defaults();
    model.name = "resnet8"; /* has running statistics */
    model.classes = CLASSES;
    model.input = (bal_shape){3, 8, 8};
    test_ok(f.ctx, bal_model_build(&f.graph, f.ctx, &model));
    test_ok(f.ctx, bal_weights_init(&f.start, f.ctx, f.graph, 5));
    const size_t params = (size_t)bal_graph_params(f.graph);
    f.lr = calloc(params, sizeof *f.lr);
    f.decay = calloc(params, sizeof *f.decay);
    f.head = calloc(params, sizeof *f.head);
    assert_true(f.lr && f.decay && f.head);
    for (size_t i = 0; i < params; i++) {
        f.lr[i] = 0.05f;
        f.head[i] = strncmp(bal_graph_param(f.graph, (int)i)->name, "fc.", 3) == 0;
    }
    return f;
}

static void close_fixture(fixture *f)
{
    free(f->lr);
    free(f->decay);
    free(f->head);
    bal_weights_close(&f->start);
    bal_graph_close(&f->graph);
    bal_ctx_close(&f->ctx);
}

static bal_plan *open_plan(const fixture *f, const bool *trains)
{
    bal_plan *plan;
    const bal_plan_settings settings = {
        .batch = BATCH, .training = true, .trainable = trains, .seed = 1};
    test_ok(f->ctx, bal_plan_open(&plan, f->ctx, f->engine, f->graph, &settings));
    return plan;
}

static void step(const fixture *f, bal_plan *plan, uint64_t number)
{
    float images[PIXELS], gradient[BATCH * CLASSES];
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 0, number);
    for (int i = 0; i < PIXELS; i++)
        images[i] = (float)bal_random_normal(&r);
    for (int i = 0; i < BATCH * CLASSES; i++)
        gradient[i] = (float)bal_random_normal(&r);
    const float *gradients[2] = {NULL, NULL};
    gradients[bal_graph_find_output(f->graph, "logits")] = gradient;
    test_ok(f->ctx, bal_plan_forward(plan, &(bal_forward){.inputs = (const float *[]){images},
                                                          .batch = BATCH,
                                                          .training = true,
                                                          .step = number}));
    test_ok(f->ctx, bal_plan_backward(plan, &(bal_backward){.output_gradients = gradients}));
    test_ok(f->ctx,
            bal_plan_update(plan,
                            &(bal_update){.lr = f->lr, .weight_decay = f->decay, .momentum = 0.9}));
}

static void expect_same(const bal_weights *a, const bal_weights *b)
{
    assert_int_equal(bal_weights_count(a), bal_weights_count(b));
    for (int i = 0; i < bal_weights_count(a); i++) {
        const bal_tensor *x = bal_weights_at(a, i), *y = bal_weights_find(b, x->name);
        assert_non_null(y);
        assert_int_equal(x->count, y->count);
        if (memcmp(x->data, y->data, (size_t)x->count * sizeof *x->data) != 0)
            fail_msg("%s differs", x->name);
    }
}

static const bal_tensor *momentum_of(const bal_weights *w, const char *param)
{
    char name[256];
    snprintf(name, sizeof name, "momentum/%s", param);
    return bal_weights_find(w, name);
}

static bool all_zero(const bal_tensor *t)
{
    for (int64_t i = 0; i < t->count; i++)
        if (t->data[i] != 0.0f)
            return false;
    return true;
}

static void plan_goes_on_elsewhere(fixture *f)
{
    bal_plan *one = open_plan(f, NULL), *other = open_plan(f, NULL);
    bal_weights *a, *b;
    test_ok(f->ctx, bal_plan_load(one, f->start));
    for (uint64_t i = 0; i < 3; i++)
        step(f, one, i);
    test_ok(f->ctx, bal_snapshot_take(one, &a));
    int learned = 0;
    for (int i = 0; i < bal_graph_params(f->graph); i++) {
        const bal_param_info *p = bal_graph_param(f->graph, i);
        learned += p->learned;
        assert_true((momentum_of(a, p->name) != NULL) == p->learned);
    }
    assert_int_equal(bal_weights_count(a), bal_graph_params(f->graph) + learned);
    assert_false(all_zero(momentum_of(a, "conv1.weight")));
    test_ok(f->ctx, bal_snapshot_restore(other, a, "there"));
    test_ok(f->ctx, bal_snapshot_take(other, &b));
    expect_same(a, b);
    bal_weights_close(&a);
    bal_weights_close(&b);

    step(f, one, 7); /* and both go on in the same way */
    step(f, other, 7);
    test_ok(f->ctx, bal_snapshot_take(one, &a));
    test_ok(f->ctx, bal_snapshot_take(other, &b));
    expect_same(a, b);
    bal_weights_close(&a);
    bal_weights_close(&b);
    bal_plan_close(&one);
    bal_plan_close(&other);
}

static void frozen_ones_have_no_momentum(fixture *f)
{
    bal_plan *all = open_plan(f, NULL), *head = open_plan(f, f->head);
    bal_weights *a, *b, *c;
    test_ok(f->ctx, bal_plan_load(all, f->start));
    step(f, all, 0);
    test_ok(f->ctx, bal_snapshot_take(all, &a));
    test_ok(f->ctx, bal_snapshot_restore(head, a, "a"));
    test_ok(f->ctx, bal_snapshot_take(head, &b));
    assert_int_equal(bal_weights_count(b), bal_graph_params(f->graph) + 2); /* fc.weight, fc.bias */
    for (int i = 0; i < bal_weights_count(b); i++) { /* the head's momenta have come along */
        const bal_tensor *x = bal_weights_at(b, i);
        assert_memory_equal(x->data, bal_weights_find(a, x->name)->data,
                            (size_t)x->count * sizeof *x->data);
    }
    assert_false(all_zero(momentum_of(b, "fc.weight")));
    bal_plan_close(&all);
    all = open_plan(f, NULL); /* and back: what has no momentum begins at 0 */
    test_ok(f->ctx, bal_snapshot_restore(all, b, "b"));
    test_ok(f->ctx, bal_snapshot_take(all, &c));
    assert_true(all_zero(momentum_of(c, "conv1.weight")));
    assert_false(all_zero(momentum_of(c, "fc.weight")));
    bal_weights_close(&a);
    bal_weights_close(&b);
    bal_weights_close(&c);
    bal_plan_close(&all);
    bal_plan_close(&head);
}

/* A copy without one tensor, or (with_shape) with another shape of it. */
static bal_weights *spoilt(const fixture *f, const bal_weights *from, const char *name,
                           bool with_shape)
{
    bal_weights *w;
    test_ok(f->ctx, bal_weights_open(&w, f->ctx));
    for (int i = 0; i < bal_weights_count(from); i++) {
        const bal_tensor *t = bal_weights_at(from, i);
        const int64_t flat[1] = {t->count};
        if (strcmp(t->name, name) != 0)
            test_ok(f->ctx, bal_weights_add(w, t->name, t->dims, t->shape, t->data));
        else if (with_shape) /* as many numbers */
            test_ok(f->ctx, bal_weights_add(w, t->name, 1, flat, t->data));
    }
    return w;
}

static void what_does_not_fit_is_refused(fixture *f)
{
    static const struct {
        const char *name;
        bool with_shape;
        const char *says;
    } cases[] = {{"layer1.0.conv1.weight", false, "is missing"},
                 {"bn1.running_var", false, "is missing"},
                 {"fc.weight", true, "another shape"},
                 {"momentum/fc.weight", true, "another shape"}};
    bal_plan *plan = open_plan(f, NULL);
    bal_weights *good, *bad;
    test_ok(f->ctx, bal_plan_load(plan, f->start));
    test_ok(f->ctx, bal_snapshot_take(plan, &good));
    for (size_t i = 0; i < BAL_COUNT_OF(cases); i++) {
        bad = spoilt(f, good, cases[i].name, cases[i].with_shape);
        test_fails(f->ctx, bal_snapshot_restore(plan, bad, "dir/F"), BAL_MISMATCH,
                   "dir/F: ", cases[i].name, cases[i].says, NULL);
        bal_weights_close(&bad);
    }
    bad = spoilt(f, good, "momentum/fc.weight", false); /* may be missing */
    test_ok(f->ctx, bal_snapshot_restore(plan, bad, "dir/F"));
    bal_weights_close(&bad);
    bal_weights_close(&good);
    bal_plan_close(&plan);
}

static void on_every_engine(void **state)
{
    (void)state;
    for (int i = 0; bal_engine_row(i); i++) {
        fixture f = open_fixture(bal_engine_row(i));
        plan_goes_on_elsewhere(&f);
        frozen_ones_have_no_momentum(&f);
        what_does_not_fit_is_refused(&f);
        close_fixture(&f);
    }
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    bal_model_settings model = bal_model_defaults();
    model.name = "lenet";
    model.input = (bal_shape){1, 8, 8};
    bal_graph *graph = NULL;
    bal_plan *plan = NULL;
    bal_weights *w = NULL;
    bal_status status;
    (void)user;
    BAL_GOTO(bal_model_build(&graph, ctx, &model));
    BAL_GOTO(bal_plan_open(&plan, ctx, &bal_engine_reference, graph,
                           &(bal_plan_settings){.batch = 1, .training = true}));
    status = bal_snapshot_take(plan, &w);
    assert_true((status == BAL_OK) == (w != NULL));
fail:
    bal_weights_close(&w);
    bal_plan_close(&plan);
    bal_graph_close(&graph);
    return status;
}

static void allocation_failures(void **state)
{
    (void)state;
    test_allocation_failures(attempt, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_every_engine),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
