/* ballast bench train. */
#include "cli.h"

static void line(const char *label, double value, int decimals, const char *unit)
{
    if (value == value)
        printf("%-22s %10.*f %s\n", label, decimals, value, unit);
    else
        printf("%-22s %10s\n", label, "n/a");
}

static bal_status run_bench(cli *c)
{
    const bal_bench_settings *s = &c->settings.bench;
    bal_bench_result r;
    const bal_status status = bal_bench_train(c->ctx, s, &r);
    if (status != BAL_OK)
        return status;
    if (cli_wants_text(c)) {
        printf("%s, batch %d, %d x %d x %d, engine %s, %d thread%s\n", s->model, s->batch_size,
               s->channels, s->size, s->size, r.engine, r.threads, r.threads == 1 ? "" : "s");
        line("images a second", r.images_per_second, 1, "");
        line("step", r.step_ms, 2, "ms");
        line("  forward", r.forward_ms, 2, "ms");
        line("  backward", r.backward_ms, 2, "ms");
        line("  update", r.update_ms, 2, "ms");
        line("floor", r.floor_ms, 2, "ms (the step's primitives, each alone)");
        line("speed", r.gflops, 1, "GFLOP/s");
        line("matrix product", r.matmul_gflops, 1, "GFLOP/s (this machine's peak)");
        line("peak memory", r.peak_memory_mb, 1, "MiB");
    }
    if (!cli_wants_json(c))
        return BAL_OK;
    return cli_put_json(
        c, json_pack("{s:s, s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "model",
                     s->model, "engine", r.engine, "batch_size", s->batch_size, "threads",
                     r.threads, "images_per_second", cli_json_real(r.images_per_second), "step_ms",
                     cli_json_real(r.step_ms), "forward_ms", cli_json_real(r.forward_ms),
                     "backward_ms", cli_json_real(r.backward_ms), "update_ms",
                     cli_json_real(r.update_ms), "floor_ms", cli_json_real(r.floor_ms), "gflops",
                     cli_json_real(r.gflops), "matmul_gflops", cli_json_real(r.matmul_gflops),
                     "peak_memory_mb", cli_json_real(r.peak_memory_mb)));
}

static const cli_group bench_groups[] = {
    {"step", bal_bench_options, offsetof(cli_settings, bench), CLI_ONCE},
    {NULL, NULL, 0, CLI_ONCE},
};

const cli_command cli_command_bench_train = {
    .name = "bench train",
    .usage = "[options]",
    .about = "speed of a training step on this machine",
    .text = "The step is the median of the timed ones. `floor_ms` is the time of the same step's\n"
            "convolutions and batch norms, each run alone; `matmul_gflops` is what a large matrix\n"
            "product reaches on this machine.",
    .run = run_bench,
    .groups = bench_groups,
    .examples =
        (const cli_example[]){
            {"ballast bench train --model resnet8 --batch-size 8 --steps 3", "a short one"},
            {"ballast bench train --model resnet8 --batch-size 8 --steps 3 --json -",
             "for machines"},
            {0}},
};
