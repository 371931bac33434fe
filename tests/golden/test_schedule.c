/* Learning rates against the tables of the training that recipes copy, written down by hand. */
#include "helpers/helpers.h"

#include "train/recipe/schedule.h"

static void near(double got, double want)
{
    if (!(got >= want * (1 - 1e-12) && got <= want * (1 + 1e-12)))
        fail_msg("want %.17g got %.17g", want, got);
}

/* LDAM-DRW: 200 epochs, lr 0.1, five epochs of warm-up, times 0.01 from the 161st and 181st on. */
static void step_is_ldams(void **state)
{
    (void)state;
    const bal_schedule s = {.kind = BAL_SCHEDULE_STEP,
                            .lr = 0.1,
                            .epochs = 200,
                            .warmup = 5,
                            .drop_count = 2,
                            .drops = {160, 180},
                            .factor = 0.01};
    static const struct {
        int epoch;
        double lr;
    } rows[] = {{0, 0.02},  {1, 0.04},   {2, 0.06},   {3, 0.08},   {4, 0.1},   {5, 0.1},
                {159, 0.1}, {160, 1e-3}, {179, 1e-3}, {180, 1e-5}, {199, 1e-5}};
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++)
        near(bal_schedule_lr(&s, rows[i].epoch), rows[i].lr);
}

/* torch.optim.lr_scheduler.CosineAnnealingLR(T_max=10, eta_min=0.01), lr 0.1. */
static void cosine_is_torchs(void **state)
{
    (void)state;
    const bal_schedule s = {.kind = BAL_SCHEDULE_COSINE, .lr = 0.1, .epochs = 10, .min_lr = 0.01};
    static const double want[] = {
        0.1,   0.09779754323328191, 0.09140576474687263, 0.08145033635316129, 0.06890576474687264,
        0.055, 0.04109423525312736, 0.0285496636468387,  0.01859423525312737, 0.0122024567667181};
    for (int e = 0; e < 10; e++)
        near(bal_schedule_lr(&s, e), want[e]);
}

static void cosine_starts_after_warmup(void **state)
{
    (void)state;
    const bal_schedule s = {.kind = BAL_SCHEDULE_COSINE, .lr = 0.1, .epochs = 14, .warmup = 4};
    near(bal_schedule_lr(&s, 0), 0.025);
    near(bal_schedule_lr(&s, 3), 0.1);
    near(bal_schedule_lr(&s, 4), 0.1);
    near(bal_schedule_lr(&s, 9), 0.05);
    assert_true(bal_schedule_lr(&s, 13) < 0.003);
}

static void constant_stays(void **state)
{
    (void)state;
    const bal_schedule s = {.kind = BAL_SCHEDULE_CONSTANT,
                            .lr = 0.3,
                            .epochs = 9,
                            .drop_count = 1,
                            .drops = {2},
                            .factor = 0.1};
    near(bal_schedule_lr(&s, 0), 0.3);
    near(bal_schedule_lr(&s, 8), 0.3);
}

static void names_of_kinds(void **state)
{
    (void)state;
    assert_int_equal(bal_schedule_kind_of("step"), BAL_SCHEDULE_STEP);
    assert_int_equal(bal_schedule_kind_of("cosine"), BAL_SCHEDULE_COSINE);
    assert_int_equal(bal_schedule_kind_of("constant"), BAL_SCHEDULE_CONSTANT);
    assert_string_equal(BAL_SCHEDULE_CHOICES, "step|cosine|constant");
}

static void amounts(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    double epochs;
    test_ok(ctx, bal_schedule_amount(ctx, "drops", "160", 200, &epochs));
    near(epochs, 160);
    test_ok(ctx, bal_schedule_amount(ctx, "drops", "80%", 200, &epochs));
    near(epochs, 160);
    test_ok(ctx, bal_schedule_amount(ctx, "warmup", "2.5%", 30, &epochs));
    near(epochs, 0.75);
    assert_int_equal(bal_schedule_round(0.75), 1);
    assert_int_equal(bal_schedule_round(0.5), 1);
    assert_int_equal(bal_schedule_round(0.49), 0);
    static const char *const bad[] = {"",
                                      "%",
                                      "8O%",
                                      "-1",
                                      "-1%",
                                      "101%",
                                      "1e3",
                                      "80%%",
                                      " 80%",
                                      "80 %",
                                      "0x10",
                                      "nan%",
                                      "1.5",
                                      "99999999999999999999",
                                      "00000000000000000000000000000000000000001%"};
    for (size_t i = 0; i < BAL_COUNT_OF(bad); i++)
        test_fails(ctx, bal_schedule_amount(ctx, "drops", bad[i], 200, &epochs), BAL_BAD_ARG,
                   "drops wants epochs or a percentage", bad[i], NULL);
    bal_ctx_close(&ctx);
}

static void amounts_of_images(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int64_t images;
    test_ok(ctx, bal_schedule_images(ctx, "epoch_length", "natural", 700, &images));
    assert_int_equal(images, 0);
    test_ok(ctx, bal_schedule_images(ctx, "epoch_length", "1281167", 700, &images));
    assert_int_equal(images, 1281167);
    test_ok(ctx, bal_schedule_images(ctx, "epoch_length", "12.5%", 700, &images));
    assert_int_equal(images, 88);
    test_ok(ctx, bal_schedule_images(ctx, "epoch_length", "250%", 700, &images));
    assert_int_equal(images, 1750);
    test_ok(ctx, bal_schedule_images(ctx, "epoch_length", "0.001%", 700, &images));
    assert_int_equal(images, 1);
    static const char *const bad[] = {"",
                                      "%",
                                      "0",
                                      "0%",
                                      "-5",
                                      "1.5",
                                      "nan",
                                      "10 %",
                                      "nat",
                                      "99999999999999",
                                      "5%%",
                                      "000000000000000000000000000000001",
                                      "00000000000000000000000000000001"};
    for (size_t i = 0; i < BAL_COUNT_OF(bad); i++)
        test_fails(ctx, bal_schedule_images(ctx, "epoch_length", bad[i], 700, &images), BAL_BAD_ARG,
                   "epoch_length wants a number of images", bad[i], NULL);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(step_is_ldams),     cmocka_unit_test(cosine_is_torchs),
        cmocka_unit_test(constant_stays),    cmocka_unit_test(cosine_starts_after_warmup),
        cmocka_unit_test(names_of_kinds),    cmocka_unit_test(amounts),
        cmocka_unit_test(amounts_of_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
