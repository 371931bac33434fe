/* Every engine but the reference against the reference on whole graphs: three training steps,
 * frozen parameters, several outputs, kept nodes, smaller batches, accumulation, inference. What an
 * engine must keep by itself (accumulation, call-backs, frozen values) is tested on the reference
 * too. */
#include "base/random.h"
#include "engine/engine.h"
#include "helpers/graphs.h"
#include "helpers/helpers.h"
#include "net/op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 5

/* ---- what a run leaves: named tensors, to be compared ---- */
typedef struct record {
    char name[96];
    float *data;
    int64_t count;
} record;

typedef struct trace {
    record *records;
    int count;
} trace;

static float *trace_add(trace *t, const char *what, const char *name, int64_t count)
{
    t->records = realloc(t->records, ((size_t)t->count + 1) * sizeof *t->records);
    assert_non_null(t->records);
    record *r = &t->records[t->count++];
    snprintf(r->name, sizeof r->name, "%s of %s", what, name);
    r->count = count;
    r->data = calloc((size_t)count, sizeof *r->data);
    assert_non_null(r->data);
    return r->data;
}

static void trace_free(trace *t)
{
    for (int i = 0; i < t->count; i++)
        free(t->records[i].data);
    free(t->records);
    *t = (trace){0};
}

static bool all_zero(const record *r)
{
    for (int64_t i = 0; i < r->count; i++)
        if (r->data[i] != 0.0f)
            return false;
    return true;
}

static void trace_compare(const char *what, const trace *want, const trace *got, double tolerance)
{
    assert_int_equal(want->count, got->count);
    for (int i = 0; i < want->count; i++) {
        const record *w = &want->records[i], *r = &got->records[i];
        char name[256];
        snprintf(name, sizeof name, "%s: %s", what, w->name);
        assert_string_equal(w->name, r->name);
        if (!all_zero(w))
            test_close(name, w->data, r->data, w->count, tolerance);
        else if (!all_zero(r))
            fail_msg("%s should be all 0", name);
    }
}

/* Tolerances stand in the op list: the loosest of the graph's ops. Weights and activations after a
 * step carry the gradients' errors. */
static double tolerance_of(const bal_graph *g)
{
    double worst = 0.0;
    for (int i = 0; i < g->node_count; i++) {
        const double t = bal_op_backward_tolerance((bal_op_kind)g->nodes[i].op);
        worst = t > worst ? t : worst;
    }
    return worst;
}

/* ---- a bench: one plan with its data ---- */
typedef struct bench {
    bal_ctx *ctx;
    bal_graph *g;
    bal_plan *plan;
    float *inputs[BAL_GRAPH_MAX_INPUTS];
    float *gradients[8]; /* one per output */
    int ready[256];      /* call-backs of a parameter */
} bench;

static void gradient_ready(void *user, int param)
{
    bench *b = user;
    assert_in_range(param, 0, 255);
    b->ready[param]++;
}

static bench bench_open(const bal_engine *engine, test_graph_fn *make, bal_plan_settings settings)
{
    bench b = {.ctx = test_ctx()};
    b.g = make(b.ctx);
    settings.batch = settings.batch ? settings.batch : BATCH;
    settings.seed = 11;
    test_ok(b.ctx, bal_plan_open(&b.plan, b.ctx, engine, b.g, &settings));
    bal_weights *w;
    test_ok(b.ctx, bal_weights_init(&w, b.ctx, b.g, test_seed()));
    for (int i = 0; i < b.g->param_count; i++) { /* nothing may be exactly 0 or 1 */
        const bal_tensor *t = bal_weights_at(w, i);
        bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 1, (uint64_t)i);
        for (int64_t k = 0; t->dims == 1 && k < t->count; k++)
            t->data[k] += (float)(0.2 * bal_random_unit(&r));
    }
    test_ok(b.ctx, bal_plan_load(b.plan, w));
    bal_weights_close(&w);
    for (int i = 0; i < b.g->input_count; i++) {
        const int64_t count = BATCH * bal_shape_count(bal_graph_node_shape(b.g, b.g->inputs[i]));
        b.inputs[i] = calloc((size_t)count, sizeof(float));
        assert_non_null(b.inputs[i]);
    }
    for (int i = 0; i < b.g->output_count; i++) {
        const int64_t count =
            BATCH * bal_shape_count(bal_graph_node_shape(b.g, b.g->outputs[i].node));
        b.gradients[i] = calloc((size_t)count, sizeof(float));
        assert_non_null(b.gradients[i]);
    }
    return b;
}

static void bench_close(bench *b)
{
    for (int i = 0; i < b->g->input_count; i++)
        free(b->inputs[i]);
    for (int i = 0; i < b->g->output_count; i++)
        free(b->gradients[i]);
    bal_plan_close(&b->plan);
    bal_graph_close(&b->g);
    bal_ctx_close(&b->ctx);
}

/* Image n of the stream gets the same numbers wherever it lies in a batch. */
static void forward(bench *b, int batch, bool training, int step, int first_image)
{
    for (int i = 0; i < b->g->input_count; i++) {
        const int64_t count = bal_shape_count(bal_graph_node_shape(b->g, b->g->inputs[i]));
        for (int n = 0; n < batch; n++) {
            bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 2 + (uint64_t)i,
                                         (uint64_t)(step * BATCH + first_image + n));
            for (int64_t k = 0; k < count; k++)
                b->inputs[i][n * count + k] = (float)bal_random_normal(&r);
        }
    }
    const bal_forward how = {.inputs = (const float *const *)b->inputs,
                             .batch = batch,
                             .training = training,
                             .step = (uint64_t)step};
    test_ok(b->ctx, bal_plan_forward(b->plan, &how));
}

/* Least squares to random targets at the outputs of the mask: the gradient depends on the result.
 */
static void backward(bench *b, int batch, unsigned outputs, bool accumulate, int first_image)
{
    const float *fed[8] = {NULL};
    for (int i = 0; i < b->g->output_count; i++) {
        if (!(outputs >> i & 1u))
            continue;
        const int64_t count = bal_shape_count(bal_graph_node_shape(b->g, b->g->outputs[i].node));
        test_ok(b->ctx, bal_plan_read_output(b->plan, i, b->gradients[i]));
        for (int n = 0; n < batch; n++) {
            bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 20 + (uint64_t)i,
                                         (uint64_t)(first_image + n));
            for (int64_t k = 0; k < count; k++)
                b->gradients[i][n * count + k] =
                    (b->gradients[i][n * count + k] - (float)bal_random_normal(&r)) /
                    (float)(BATCH * count);
        }
        fed[i] = b->gradients[i];
    }
    const bal_backward how = {.output_gradients = fed, .accumulate = accumulate};
    test_ok(b->ctx, bal_plan_backward(b->plan, &how));
}

static void update(bench *b, bool nesterov)
{
    float lr[256], decay[256];
    for (int i = 0; i < b->g->param_count; i++) { /* every parameter has its own */
        lr[i] = 0.02f + 0.001f * (float)(i % 7);
        decay[i] = i % 3 == 0 ? 0.0f : 0.005f * (float)(i % 3);
    }
    const bal_update how = {.lr = lr, .weight_decay = decay, .momentum = 0.9, .nesterov = nesterov};
    test_ok(b->ctx, bal_plan_update(b->plan, &how));
}

static void trace_params(bench *b, trace *t, bal_param_part part, const char *what)
{
    for (int i = 0; i < b->g->param_count; i++) {
        if (part != BAL_PARAM_VALUE && !b->plan->trainable[i])
            continue;
        const bal_param_info *p = bal_graph_param(b->g, i);
        test_ok(b->ctx,
                bal_plan_read_param(b->plan, i, part, trace_add(t, what, p->name, p->count)));
    }
}

static void trace_outputs(bench *b, trace *t, int batch, const char *what)
{
    for (int i = 0; i < b->g->output_count; i++) {
        const int64_t count = bal_shape_count(bal_graph_node_shape(b->g, b->g->outputs[i].node));
        float *data = trace_add(t, what, b->g->outputs[i].name, batch * count);
        test_ok(b->ctx, bal_plan_read_output(b->plan, i, data));
    }
}

static void trace_nodes(bench *b, trace *t, int batch, bal_node_part part, const char *what)
{
    for (int i = 0; i < b->plan->settings.keep_count; i++) {
        const int node = b->plan->keep[i];
        const int64_t count = bal_shape_count(bal_graph_node_shape(b->g, node));
        float *data = trace_add(t, what, bal_graph_node_name(b->g, node), batch * count);
        test_ok(b->ctx, bal_plan_read_node(b->plan, node, part, data));
    }
}

/* ---- scenarios: each runs on one engine and leaves a trace ---- */
typedef void scenario_fn(const bal_engine *engine, test_graph_fn *make, trace *t);

static void three_steps(const bal_engine *engine, test_graph_fn *make, trace *t)
{
    bench b = bench_open(engine, make, (bal_plan_settings){.training = true});
    const int batches[] = {BATCH, 3, BATCH};
    for (int step = 0; step < 3; step++) {
        forward(&b, batches[step], true, step, 0);
        trace_outputs(&b, t, batches[step], "training output");
        backward(&b, batches[step], ~0u, false, 0);
        trace_params(&b, t, BAL_PARAM_GRADIENT, "gradient");
        update(&b, step != 1);
    }
    trace_params(&b, t, BAL_PARAM_VALUE, "value after three steps");
    trace_params(&b, t, BAL_PARAM_MOMENTUM, "momentum after three steps");
    for (int batch = BATCH; batch > 0; batch -= 2) {
        forward(&b, batch, false, 7, 0);
        trace_outputs(&b, t, batch, "inference output");
    }
    bench_close(&b);
}

static void inference_backward(const bal_engine *engine, test_graph_fn *make, trace *t)
{
    bench b =
        bench_open(engine, make, (bal_plan_settings){.training = true, .input_gradient = true});
    forward(&b, BATCH, false, 0, 0);
    trace_outputs(&b, t, BATCH, "inference output");
    backward(&b, BATCH, ~0u, false, 0);
    trace_params(&b, t, BAL_PARAM_GRADIENT, "gradient in inference mode");
    trace_params(&b, t, BAL_PARAM_VALUE, "value");
    trace_nodes(&b, t, BATCH, BAL_NODE_GRADIENT, "gradient in inference mode");
    bench_close(&b);
}

static void inference_plan(const bal_engine *engine, test_graph_fn *make, trace *t)
{
    bench b = bench_open(engine, make, (bal_plan_settings){.training = false});
    for (int batch = 1; batch <= BATCH; batch++) {
        forward(&b, batch, false, 0, 0);
        trace_outputs(&b, t, batch, "output of an inference plan");
    }
    bench_close(&b);
}

static void every_node_kept(const bal_engine *engine, test_graph_fn *make, trace *t)
{
    int keep[256];
    for (int i = 0; i < 256; i++)
        keep[i] = i;
    bal_ctx *ctx = test_ctx();
    bal_graph *g = make(ctx);
    const int nodes = bal_graph_nodes(g);
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
    bench b = bench_open(engine, make,
                         (bal_plan_settings){.training = true, .keep = keep, .keep_count = nodes});
    for (int batch = BATCH; batch > 1; batch -= 3) {
        forward(&b, batch, true, 0, 0);
        backward(&b, batch, ~0u, false, 0);
        trace_nodes(&b, t, batch, BAL_NODE_ACTIVATION, "activation");
        trace_nodes(&b, t, batch, BAL_NODE_GRADIENT, "gradient");
        trace_params(&b, t, BAL_PARAM_GRADIENT, "gradient");
    }
    bench_close(&b);
}

/* Only a few, in the places where an engine fuses or shares memory. */
static void some_nodes_kept(const bal_engine *engine, test_graph_fn *make, trace *t)
{
    for (int stride = 3; stride < 6; stride++) {
        bal_ctx *ctx = test_ctx();
        bal_graph *g = make(ctx);
        int keep[256], count = 0;
        for (int i = stride - 2; i < bal_graph_nodes(g); i += stride)
            keep[count++] = i;
        bal_graph_close(&g);
        bal_ctx_close(&ctx);
        bench b = bench_open(
            engine, make, (bal_plan_settings){.training = true, .keep = keep, .keep_count = count});
        forward(&b, BATCH, true, 0, 0);
        trace_nodes(&b, t, BATCH, BAL_NODE_ACTIVATION, "activation before backward");
        backward(&b, BATCH, ~0u, false, 0);
        trace_nodes(&b, t, BATCH, BAL_NODE_ACTIVATION, "activation");
        trace_nodes(&b, t, BATCH, BAL_NODE_GRADIENT, "gradient");
        bench_close(&b);
        b = bench_open(engine, make, (bal_plan_settings){.keep = keep, .keep_count = count});
        forward(&b, 4, false, 0, 0);
        trace_nodes(&b, t, 4, BAL_NODE_ACTIVATION, "activation of an inference plan");
        bench_close(&b);
    }
}

/* Gradients fed at one output after the other, and at all. */
static void one_output_each(const bal_engine *engine, test_graph_fn *make, trace *t)
{
    bench b =
        bench_open(engine, make, (bal_plan_settings){.training = true, .input_gradient = true});
    for (int i = 0; i < b.g->output_count; i++) {
        forward(&b, BATCH, true, i, 0);
        backward(&b, BATCH, 1u << i, false, 0);
        trace_params(&b, t, BAL_PARAM_GRADIENT, "gradient from one output");
        trace_nodes(&b, t, BATCH, BAL_NODE_GRADIENT, "gradient from one output");
    }
    bench_close(&b);
}

static void accumulated(const bal_engine *engine, test_graph_fn *make, trace *t)
{
    bench b = bench_open(engine, make, (bal_plan_settings){.training = true});
    forward(&b, BATCH, true, 0, 0);
    backward(&b, BATCH, ~0u, false, 0);
    forward(&b, 2, true, 1, 0);
    backward(&b, 2, ~0u, true, 0);
    trace_params(&b, t, BAL_PARAM_GRADIENT, "accumulated gradient");
    update(&b, true);
    trace_params(&b, t, BAL_PARAM_VALUE, "value after an accumulated step");
    bench_close(&b);
}

static void freeze(const bench *b, int pattern, bool *trainable)
{
    for (int i = 0; i < b->g->param_count; i++) {
        const bal_param_info *p = bal_graph_param(b->g, i);
        const bool head = strncmp(p->name, "fc.", 3) == 0;
        const bool early = i < b->g->param_count / 2;
        const bool norm = b->g->nodes[p->node].op == BAL_OP_BATCH_NORM;
        trainable[i] = p->learned && (pattern == 0   ? head
                                      : pattern == 1 ? !early
                                      : pattern == 2 ? early
                                      : pattern == 3 ? norm
                                                     : i % 2 == 0 && !norm);
    }
}

static void frozen(const bal_engine *engine, test_graph_fn *make, trace *t)
{
    for (int pattern = 0; pattern < 5; pattern++) {
        bool trainable[256] = {false};
        bench b = bench_open(engine, make, (bal_plan_settings){.training = true});
        freeze(&b, pattern, trainable);
        bench_close(&b);
        bool any = false;
        for (int i = 0; i < 256; i++)
            any = any || trainable[i];
        b = bench_open(engine, make, (bal_plan_settings){.training = true, .trainable = trainable});
        for (int step = 0; step < 2 && any; step++) {
            forward(&b, BATCH, true, step, 0);
            backward(&b, BATCH, ~0u, false, 0);
            trace_params(&b, t, BAL_PARAM_GRADIENT, "gradient beside frozen parameters");
            update(&b, true);
        }
        trace_params(&b, t, BAL_PARAM_VALUE, "value beside frozen parameters");
        bench_close(&b);
    }
}

static const struct {
    const char *name;
    scenario_fn *run;
} scenarios[] = {
    {"three steps", three_steps},         {"backward in inference mode", inference_backward},
    {"inference plan", inference_plan},   {"every node kept", every_node_kept},
    {"some nodes kept", some_nodes_kept}, {"one output each", one_output_each},
    {"accumulated", accumulated},         {"frozen", frozen},
};

static void engines_agree_with_the_reference(void **state)
{
    (void)state;
    int compared = 0;
    for (int e = 0; bal_engine_row(e); e++) {
        const bal_engine *engine = bal_engine_row(e);
        if (engine == &bal_engine_reference)
            continue;
        compared++;
        for (size_t s = 0; s < BAL_COUNT_OF(scenarios); s++)
            for (int i = 0; test_graph_at(i); i++) {
                bal_ctx *ctx = test_ctx();
                bal_graph *g = test_graph_at(i)->make(ctx);
                trace want = {0}, got = {0};
                scenarios[s].run(&bal_engine_reference, test_graph_at(i)->make, &want);
                scenarios[s].run(engine, test_graph_at(i)->make, &got);
                char name[128];
                snprintf(name, sizeof name, "%s, %s, %s", engine->name, scenarios[s].name,
                         test_graph_at(i)->name);
                trace_compare(name, &want, &got, tolerance_of(g));
                trace_free(&want);
                trace_free(&got);
                bal_graph_close(&g);
                bal_ctx_close(&ctx);
            }
    }
    print_message("compared %d engines with the reference\n", compared);
}

/* ---- what every engine must keep by itself ---- */
static void runs_repeat_exactly(void **state)
{
    (void)state;
    for (int e = 0; bal_engine_row(e); e++)
        for (int i = 0; test_graph_at(i); i++) {
            trace once = {0}, again = {0};
            three_steps(bal_engine_row(e), test_graph_at(i)->make, &once);
            three_steps(bal_engine_row(e), test_graph_at(i)->make, &again);
            trace_compare(test_graph_at(i)->name, &once, &again, 0.0);
            trace_free(&once);
            trace_free(&again);
        }
}

/* In inference mode images do not meet, so parts of a batch add up to the whole. */
static void parts_add_up(void **state)
{
    (void)state;
    for (int e = 0; bal_engine_row(e); e++)
        for (int i = 0; test_graph_at(i); i++) {
            bench b = bench_open(bal_engine_row(e), test_graph_at(i)->make,
                                 (bal_plan_settings){.training = true});
            trace whole = {0}, parts = {0};
            forward(&b, BATCH, false, 0, 0);
            backward(&b, BATCH, ~0u, false, 0);
            trace_params(&b, &whole, BAL_PARAM_GRADIENT, "gradient");
            forward(&b, 2, false, 0, 0);
            backward(&b, 2, ~0u, false, 0);
            forward(&b, 3, false, 0, 2);
            backward(&b, 3, ~0u, true, 2);
            trace_params(&b, &parts, BAL_PARAM_GRADIENT, "gradient");
            trace_compare(bal_engine_row(e)->name, &whole, &parts, tolerance_of(b.g));
            trace_free(&whole);
            trace_free(&parts);
            bench_close(&b);
        }
}

static void call_back_comes_once(void **state)
{
    (void)state;
    for (int e = 0; bal_engine_row(e); e++)
        for (int i = 0; test_graph_at(i); i++)
            for (int pattern = 0; pattern < 5; pattern++) {
                bool trainable[256] = {false};
                bench b = bench_open(bal_engine_row(e), test_graph_at(i)->make,
                                     (bal_plan_settings){.training = true});
                freeze(&b, pattern, trainable);
                bench_close(&b);
                bench counter = {0};
                b = bench_open(bal_engine_row(e), test_graph_at(i)->make,
                               (bal_plan_settings){.training = true,
                                                   .trainable = trainable,
                                                   .gradient_ready = gradient_ready,
                                                   .user = &counter});
                for (int pass = 0; pass < 2; pass++) {
                    forward(&b, BATCH, true, pass, 0);
                    backward(&b, BATCH, pass == 0 ? 1u : ~0u, pass == 1, 0);
                    for (int k = 0; k < b.g->param_count; k++)
                        assert_int_equal(counter.ready[k], trainable[k] ? pass + 1 : 0);
                }
                bench_close(&b);
            }
}

static void frozen_stays_and_the_rest_learns_the_same(void **state)
{
    (void)state;
    for (int e = 0; bal_engine_row(e); e++)
        for (int i = 0; test_graph_at(i); i++) {
            bool trainable[256] = {false};
            bench all = bench_open(bal_engine_row(e), test_graph_at(i)->make,
                                   (bal_plan_settings){.training = true});
            freeze(&all, 1, trainable);
            bench some = bench_open(bal_engine_row(e), test_graph_at(i)->make,
                                    (bal_plan_settings){.training = true, .trainable = trainable});
            trace before = {0}, after = {0};
            trace_params(&some, &before, BAL_PARAM_VALUE, "value");
            bench *const both[] = {&all, &some};
            for (int k = 0; k < 2; k++) {
                forward(both[k], BATCH, true, 0, 0);
                backward(both[k], BATCH, ~0u, false, 0);
            }
            update(&some, true);
            trace_params(&some, &after, BAL_PARAM_VALUE, "value");
            for (int k = 0; k < some.g->param_count; k++) {
                const bal_param_info *p = bal_graph_param(some.g, k);
                const record *x = &before.records[k], *y = &after.records[k];
                const size_t bytes = (size_t)p->count * sizeof(float);
                assert_int_equal(memcmp(x->data, y->data, bytes) != 0, trainable[k] || !p->learned);
                if (!trainable[k])
                    continue;
                test_ok(all.ctx, bal_plan_read_param(all.plan, k, BAL_PARAM_GRADIENT, x->data));
                test_ok(some.ctx, bal_plan_read_param(some.plan, k, BAL_PARAM_GRADIENT, y->data));
                test_close(p->name, x->data, y->data, p->count, tolerance_of(some.g));
            }
            trace_free(&before);
            trace_free(&after);
            bench_close(&all);
            bench_close(&some);
        }
}

static void parts_can_be_written_and_read(void **state)
{
    (void)state;
    const bal_param_part parts[] = {BAL_PARAM_VALUE, BAL_PARAM_GRADIENT, BAL_PARAM_MOMENTUM};
    for (int e = 0; bal_engine_row(e); e++) {
        bench b =
            bench_open(bal_engine_row(e), test_graph_knot, (bal_plan_settings){.training = true});
        for (int i = 0; i < b.g->param_count; i++)
            for (int part = 0; part < (bal_graph_param(b.g, i)->learned ? 3 : 1); part++) {
                const int64_t count = bal_graph_param(b.g, i)->count;
                float *in = calloc((size_t)count, sizeof *in);
                float *out = calloc((size_t)count, sizeof *out);
                assert_true(in && out);
                for (int64_t k = 0; k < count; k++)
                    in[k] = (float)k + 0.25f;
                test_ok(b.ctx, bal_plan_write_param(b.plan, i, parts[part], in));
                test_ok(b.ctx, bal_plan_read_param(b.plan, i, parts[part], out));
                assert_memory_equal(in, out, (size_t)count * sizeof *in);
                free(in);
                free(out);
            }
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engines_agree_with_the_reference),
        cmocka_unit_test(runs_repeat_exactly),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(call_back_comes_once),
        cmocka_unit_test(frozen_stays_and_the_rest_learns_the_same),
        cmocka_unit_test(parts_can_be_written_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
